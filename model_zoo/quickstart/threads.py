"""How many threads a step of a language model should use."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.common.threads import fastest
from paddle_xformers._compat import import_paddle

paddle = import_paddle()


def choose_threads(model: Any, plan: Any) -> int:
    """Time a few steps with all cores and with one, and keep the faster.

    Args:
        model: The model; its weights stay as they are.
        plan: Its sizes.

    Returns:
        The number of threads in use from now on.
    """
    ids = paddle.to_tensor(np.full((plan.batch, plan.window), model.config.eos_token_id, dtype=np.int64))

    def step() -> None:
        model(input_ids=ids, labels=ids, return_dict=True).loss.backward()
        model.clear_gradients()

    return fastest(step)
