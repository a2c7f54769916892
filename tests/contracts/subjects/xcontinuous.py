"""Models over vectors: causal with every field, and in both directions with those of their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XContinuousConfig, XContinuousForRegression
from paddle_xformers.config.options import ContinuousOptions

from .subject import Inputs, Subject, context

SMALL = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "max_seq_len": 64}
LOSS_ONLY = "the loss only: tests/models/continuous/test_loss.py"
ELSEWHERE = {"regression_target": LOSS_ONLY, "regression_loss": LOSS_ONLY, "equal_loss_weight_batch": LOSS_ONLY}
ELSEWHERE["probabilistic"] = "a projection more: tests/models/continuous/test_saving.py"


def vectors(b: int, n: int, width: int, *, seed: int = 1) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).normal(size=(b, n, width)).astype("float32"))


def inputs(model: Any, b: int, n: int) -> Inputs:
    return {"inputs": vectors(b, n, model.config.width_in), **context(model, b)}


class Regression(Subject):
    """Its labels are as wide as the model says."""

    def loss(self, model: Any, inputs: Inputs, **more: Any) -> paddle.Tensor:
        b, n, _ = inputs["inputs"].shape
        labels = vectors(b, n, model.config.width_out, seed=2)
        return self.output(model, {**inputs, "labels": labels}, **more).loss


CAUSAL = Regression(
    "xcontinuous",
    XContinuousConfig,
    XContinuousForRegression,
    inputs,
    result="predictions",
    small={**SMALL, "causal": True, "dim_in": 10},
    length=14,
    padded=("inputs",),
    causal=True,
    grows="inputs",
    share=2,
    effect_elsewhere={
        **ELSEWHERE,
        "causal": "on in all cases: tests/models/continuous/test_forward.py",
        "max_mem_len": "needs a second segment: tests/models/continuous/test_forward.py",
        "shift_mem_down": "likewise: tests/models/test_mems.py",
    },
)
BOTH_WAYS = Regression(
    "xcontinuous both ways",
    XContinuousConfig,
    XContinuousForRegression,
    inputs,
    result="predictions",
    small=SMALL,
    padded=("inputs",),
    own=(ContinuousOptions,),
    effect_elsewhere=ELSEWHERE,
)

SUBJECTS = (CAUSAL, BOTH_WAYS)
