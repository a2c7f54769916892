"""Training the language model: its fresh weights, and its loss as bits a byte."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from model_zoo.common import training
from model_zoo.quickstart.plan import Plan, build_model


def fresh_model(plan: Plan, tokenizer: Any, seed: int) -> Any:
    """Build a model whose weights follow from the seed."""
    training.seed_all(seed)
    return build_model(plan, tokenizer)


def train(model: Any, windows: Any, plan: Plan, folder: Path, seed: int) -> dict[str, Any]:
    """Train a model, from the newest checkpoint in the folder if there is one.

    Args:
        model: The model, with fresh weights; it is changed in place.
        windows: The dataset.
        plan: Sizes and budget.
        folder: Where checkpoints are kept.
        seed: Of the order of the windows.

    Returns:
        As `model_zoo.common.training.train`, but for the losses in "history": they are bits a byte.
    """
    bytes_a_step = plan.batch * (plan.window - 1)

    def describe(loss: float, step: int, seconds: float) -> str:
        return f"{loss / math.log(2):.2f} bits a byte, {bytes_a_step * step / max(seconds, 1e-9):,.0f} bytes/s"

    outcome = training.train(model, windows, plan, folder, seed, describe=describe)
    outcome["history"] = [[step, seconds, round(loss / math.log(2), 4)] for step, seconds, loss in outcome["history"]]
    return outcome
