"""Gated values: the attended values are multiplied by a gate that the layer's input computes."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn import functional as F

from ...linear import Linear
from .base import AttentionPart, Site, Step


class GateValues(AttentionPart):
    """A sigmoid gate for each feature of each head, starting at one half.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.proj = Linear(site.dim, site.inner, zero_init=True)

    def merged(self, merged: Tensor, step: Step) -> Tensor:
        """Gate (b, n, h * k)."""
        return merged * F.sigmoid(self.proj(step.x))
