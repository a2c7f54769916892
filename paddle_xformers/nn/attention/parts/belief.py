"""Belief attention (openreview Ard2QzPAUK): what a token attended, less what it knew already.

Known is what points along the token's own values, before anything changed them. x-transformers projects the values of
the whole sequence at once, so that every token's output depends on all others; here each token stands for itself.
"""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...sizes import sizes
from .base import AttentionPart, Site, Step

LEAST = 1e-24


class Belief(AttentionPart):
    """Keeps what is orthogonal to the token's own values: with all heads as one vector, head by head, or both.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        options = site.options
        self.whole, self.by_head = options.attn_orthog_projected_values, options.attn_orthog_projected_values_per_head
        self.heads, self.repeats = options.heads, options.heads // options.value_heads

    def merged(self, merged: Tensor, step: Step) -> Tensor:
        """From (b, n, h * k) to the same, or twice as wide."""
        n = sizes(merged)[1]
        own = step.kept["own_values"]  # (b, g, m, k), the tokens last
        own = own[:, :, sizes(own)[2] - n :].repeat_interleave(self.repeats, axis=1)
        own = own.transpose([0, 2, 1, 3])  # (b, n, h, k)
        out = merged.reshape([0, 0, self.heads, -1])
        parts = [_orthogonal(merged, own.flatten(start_axis=2))] if self.whole else []
        if self.by_head:
            parts.append(_orthogonal(out, own).flatten(start_axis=2))
        return paddle.concat(parts, axis=-1) if len(parts) > 1 else parts[0]


def _orthogonal(x: Tensor, y: Tensor) -> Tensor:
    """What is left of vectors, (..., w), without what points along others; along zeros nothing does."""
    exact, along = x.astype("float32"), y.astype("float32")
    share = (exact * along).sum(axis=-1, keepdim=True) / (along * along).sum(axis=-1, keepdim=True).clip(min=LEAST)
    return (exact - share * along).astype(x.dtype)
