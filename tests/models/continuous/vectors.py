"""Small models over vectors and what to feed them."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XContinuousConfig, XContinuousForRegression

SMALL = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "max_seq_len": 32, "dim_in": 6, "dim_out": 6}
CAUSAL = {"causal": True}
GAUSS = {"probabilistic": True}
BUNDLES = {
    "both ways": {},
    "causal": CAUSAL,
    "no positions": {"max_seq_len": None},
    "no projections": {**CAUSAL, "dim_in": None, "dim_out": None},
    "biases, norm": {**CAUSAL, "input_bias": True, "output_bias": True, "post_emb_norm": True},
    "rotary": {**CAUSAL, "rotary_pos_emb": True, "attn_kv_heads": 2},
    "alibi": {"position_bias": "alibi"},
    "t5": {**CAUSAL, "position_bias": "t5"},
    "memory tokens": {**CAUSAL, "num_memory_tokens": 3},
    "memory tokens, both ways": {"num_memory_tokens": 3, "rotary_pos_emb": True},
    "memory between": {**CAUSAL, "num_memory_tokens": 2, "memory_tokens_interspersed_every": 3, "rotary_pos_emb": True},
    "memory between, both ways": {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 4},
    "Gaussian": {**CAUSAL, **GAUSS},
    "token shift": {**CAUSAL, "shift_tokens": 2},
    "token shift, both ways": {"shift_tokens": 1, "num_memory_tokens": 2},
    "streams": {"residual": "hyper", "num_residual_streams": 2},
}


def build(*, redraw: bool = True, seed: int = 0, **fields: Any) -> XContinuousForRegression:
    """A small model in eval mode; `redraw` gives every parameter a value, also those that start at zero."""
    paddle.seed(seed)
    model = XContinuousForRegression(XContinuousConfig(**{**SMALL, **fields}))
    if redraw:
        rng = np.random.default_rng(seed)
        for name, parameter in model.named_parameters():
            gain = 1.0 if name.endswith("norm.weight") else 0.0
            parameter.set_value(paddle.to_tensor(rng.normal(gain, 0.2, parameter.shape).astype("float32")))
    model.eval()
    return model


def vectors(b: int = 2, n: int = 10, width: int = 6, *, seed: int = 1) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).normal(size=(b, n, width)).astype("float32"))


def inputs_of(model: Any, b: int = 2, n: int = 10) -> paddle.Tensor:
    return vectors(b, n, model.config.width_in)


def padded(rows: paddle.Tensor, lengths: list[int], side: str, fill: float) -> tuple[paddle.Tensor, paddle.Tensor]:
    """The first vectors of each row with `fill` on a side, and the mask."""
    b, n, width = rows.shape
    batch, mask = np.full((b, n, width), fill, "float32"), np.zeros((b, n), "int64")
    for row, length in enumerate(lengths):
        place = slice(n - length, n) if side == "left" else slice(0, length)
        batch[row, place], mask[row, place] = rows[row, :length].numpy(), 1
    return paddle.to_tensor(batch), paddle.to_tensor(mask)
