"""Small encoders with random weights, and what the tests of their heads share."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XEncoderConfig

from ...contracts.subjects.subject import SMALL, redraw_parameters, tokens

__all__ = ["SMALL", "build", "padded", "softmax_loss", "tokens", "types"]


def build(model_class: Any, **fields: Any) -> Any:
    """A small model in eval mode, every parameter drawn at random."""
    model = model_class(XEncoderConfig(**{**SMALL, **fields}))
    redraw_parameters(model)
    model.eval()
    return model


def types(b: int = 2, n: int = 14) -> paddle.Tensor:
    """Token types: the first half of each row, then the second."""
    return (paddle.arange(n) >= n // 2).astype("int64").expand([b, n])


def padded(b: int = 3, n: int = 10) -> tuple[paddle.Tensor, paddle.Tensor]:
    """Ids and a mask: padding on the left of the first row and on the right of the last."""
    ids, mask = tokens(b, n), paddle.ones([b, n], dtype="int64")
    mask[0, :4] = 0
    mask[-1, n - 3 :] = 0
    return ids, mask


def softmax_loss(logits: np.ndarray, labels: np.ndarray) -> float:
    """Mean cross entropy in float64 over the labels that are not -100."""
    rows, classes = logits.reshape(-1, logits.shape[-1]).astype("float64"), labels.reshape(-1)
    kept = classes != -100
    rows, classes = rows[kept], classes[kept]
    total = np.log(np.exp(rows - rows.max(-1, keepdims=True)).sum(-1)) + rows.max(-1)
    return float((total - rows[np.arange(len(rows)), classes]).mean())
