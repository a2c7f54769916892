"""A key and a value of zeros in front of all others: a head that finds nothing can attend to it."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...sizes import sizes
from .base import AttentionPart, Site, Step


class ZeroKeyValue(AttentionPart):
    """Its score is 0, so that it adds 1 to what the softmax divides by, and nothing to what is attended.

    Args:
        site: The attention layer around it.
    """

    front_is_fixed = True  # zeros stay zeros, as wide as positions made the other keys

    def __init__(self, site: Site) -> None:
        super().__init__()

    def in_front(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Return one of each for every head, (b, g, 1, w) and (b, g, 1, k)."""
        return _zeros(k), _zeros(v)


def _zeros(t: Tensor) -> Tensor:
    b, heads, _, width = sizes(t)
    return paddle.zeros([b, heads, 1, width], dtype=t.dtype)
