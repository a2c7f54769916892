"""Small models with numbers among their tokens, and texts for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XValForCausalLM

from ...contracts.subjects.xval import SUBJECTS

SUBJECT = SUBJECTS[0]
NUMBER = 5
BUNDLES: dict[str, dict[str, Any]] = {
    "default": {},
    "rotary, grouped heads": {"rotary_pos_emb": True, "attn_kv_heads": 2, "position_embedding": "none"},
    "memory tokens": {"num_memory_tokens": 3},
    "memory between": {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
    "token shift": {"shift_tokens": 1, "position_bias": "alibi"},
    "streams": {"residual": "hyper", "num_residual_streams": 2},
}


def build(fields: dict[str, Any] | None = None, **more: Any) -> XValForCausalLM:
    """A small model in eval mode; about every second token that it writes stands for a number, and none is the end."""
    model = SUBJECT.build({**(fields or {}), "logits_bias": True, **more})
    if not model.config.cross_attend:
        logits = model(*text())[0].numpy()
        others = np.delete(logits, NUMBER, axis=-1).max(axis=-1)
        bias = model.lm_head.bias.numpy()
        bias[NUMBER] += np.median(others - logits[..., NUMBER])
        bias[model.config.eos_token_id] = -100.0
        model.lm_head.bias.set_value(paddle.to_tensor(bias))
    return model


def text(b: int = 2, n: int = 10, *, seed: int = 4) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Token ids with numbers among them, and the numbers; nan where there is none."""
    rng = np.random.default_rng(seed)
    ids = rng.integers(6, 37, (b, n))
    ids[rng.random(ids.shape) < 0.4] = NUMBER
    numbers = np.where(ids == NUMBER, rng.normal(size=ids.shape), np.nan).astype("float32")
    return paddle.to_tensor(ids), paddle.to_tensor(numbers)
