"""Structured dropout of context tokens (2202.07765): in training, cross attention sees a random share of them only."""

from __future__ import annotations

import paddle
from paddle import Tensor

from .attention.masks import MASKED
from .sizes import sizes


def drop_tokens(states: Tensor, mask: Tensor | None, rate: float) -> Tensor:
    """Hide a random share of every row's tokens.

    Args:
        states: The context, (b, m, d).
        mask: The mask over it, (b, m) or (b or 1, 1, 1, m), int, bool or float, or None.
        rate: The share to hide. Of t tokens that a mask with two axes leaves, (1 - rate) t stay, rounded up.

    Returns:
        The mask that hides them as well; of two axes and integers where none was given.
    """
    b, m = sizes(states)[:2]
    lots = paddle.rand([b, m])
    tokens = paddle.ones([b, m])
    if mask is not None and mask.ndim == 2 and not mask.is_floating_point():
        tokens = (mask > 0).astype("float32")
        lots = lots + 1 - tokens  # padding draws above every token
    rank = lots.argsort(axis=1).argsort(axis=1).astype("float32")  # (b, m), 0 for the lowest lot
    seen = rank < ((1 - rate) * tokens.sum(axis=1, keepdim=True)).ceil()
    if mask is None:
        return seen.astype("int64")
    seen = seen if mask.ndim == 2 else seen.unsqueeze([1, 2])
    if mask.is_floating_point():
        return paddle.where(seen, mask, paddle.full([1], MASKED, dtype=mask.dtype))
    return ((mask > 0) & seen).astype("int64")
