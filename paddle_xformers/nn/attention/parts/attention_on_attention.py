"""Attention on attention (1908.06954): a gate decides how much of what was attended is let through.

The paper also shows the query to the gate; x-transformers, whose weights this loads, does not.
"""

from __future__ import annotations

from paddle import Tensor
from paddle.nn import functional as F

from ...linear import Linear
from .base import AttentionPart, Site


class AttentionOnAttention(AttentionPart):
    """Multiplies the output by a sigmoid gate computed from the attended values.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.gate_proj = Linear(site.merged_width, site.dim)

    def projected(self, output: Tensor, merged: Tensor) -> Tensor:
        """Gate (b, n, d)."""
        return output * F.sigmoid(self.gate_proj(merged))
