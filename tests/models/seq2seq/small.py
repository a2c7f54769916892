"""Small encoder-decoders and what they are fed."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XSeq2SeqForConditionalGeneration

from ...contracts.subjects.subject import tokens
from ...contracts.subjects.xseq2seq import BUNDLES, SMALL, SUBJECTS, both

__all__ = [
    "BUNDLES",
    "SMALL",
    "SOURCE",
    "TARGET",
    "both",
    "build",
    "padded",
    "run",
    "source",
    "target",
]

SOURCE, TARGET = 9, 7


def build(fields: dict[str, Any] | None = None, **more: Any) -> XSeq2SeqForConditionalGeneration:
    """A small model in eval mode with random values in every parameter."""
    model: XSeq2SeqForConditionalGeneration = SUBJECTS[0].build(fields or {}, **more)
    return model


def source(b: int = 2, n: int = SOURCE) -> paddle.Tensor:
    return tokens(b, n, seed=4)


def target(b: int = 2, n: int = TARGET) -> paddle.Tensor:
    return tokens(b, n, seed=6)


def padded(ids: paddle.Tensor, side: str, width: int = 3) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Ids with so many places of padding on one side, and the mask."""
    spare = np.zeros([ids.shape[0], width], dtype="int64")
    parts = [spare, ids.numpy()] if side == "left" else [ids.numpy(), spare]
    ones = [np.zeros_like(spare), np.ones_like(ids.numpy())]
    mask = ones if side == "left" else ones[::-1]
    return paddle.to_tensor(np.concatenate(parts, 1)), paddle.to_tensor(np.concatenate(mask, 1))


def run(model: XSeq2SeqForConditionalGeneration, **given: Any) -> np.ndarray:
    """The logits."""
    return model(return_dict=True, **given).logits.numpy()
