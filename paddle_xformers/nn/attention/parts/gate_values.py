"""Gates on what was attended (2608.11805), computed from the layer's input, from what was attended, or from both.

The logits of both gates are added up, and one activation makes the gate of the sum.
"""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn import functional as F

from ...linear import Linear
from ...silu import silu
from .base import AttentionPart, Site, Step


class LowRank(nn.Layer):
    """A projection through a few features, which starts at zero.

    Args:
        in_features: Width of the input.
        out_features: Width of the output.
        rank: Number of features in between.
        silu: Whether these pass through a SiLU.
    """

    def __init__(self, in_features: int, out_features: int, *, rank: int, silu: bool) -> None:
        super().__init__()
        self.down = Linear(in_features, rank)
        self.up = Linear(rank, out_features, zero_init=True)
        self.silu = silu

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, n, in_features) to (b, n, out_features)."""
        inner = self.down(x)
        return self.up(silu(inner) if self.silu else inner)


class GateValues(AttentionPart):
    """A gate for each feature of each head, or for each head, starting at one half (at zero with a SiLU).

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        options = site.options
        self.heads = options.heads
        self.activation = silu if options.attn_swiglu_values else F.sigmoid
        self.proj = self.output_proj = None
        if options.attn_gate_values:
            self.proj = _projection(site, site.dim, options.attn_gate_values_rank, options.attn_gate_values_headwise)
        if options.attn_output_gate:
            rank, headwise = options.attn_output_gate_rank, options.attn_output_gate_headwise
            self.output_proj = _projection(site, site.inner, rank, headwise)

    def merged(self, merged: Tensor, step: Step) -> Tensor:
        """Gate (b, n, h * k)."""
        seen = [(self.proj, step.x), (self.output_proj, merged)]
        logits = [self._by_head(proj(t)) for proj, t in seen if proj is not None]
        gate = self.activation(logits[0] if len(logits) == 1 else logits[0] + logits[1])
        return (self._by_head(merged) * gate).flatten(start_axis=2)

    def _by_head(self, t: Tensor) -> Tensor:
        """(b, n, h * k) to (b, n, h, k), and (b, n, h) to (b, n, h, 1)."""
        return t.reshape([0, 0, self.heads, t.shape[-1] // self.heads])


def _projection(site: Site, width: int, rank: int | None, headwise: bool) -> nn.Layer:
    """From the width of what is seen to the logits of a gate."""
    if headwise:
        return Linear(width, site.options.heads, zero_init=True)
    if rank is None:
        return Linear(width, site.inner, zero_init=True)
    return LowRank(width, site.inner, rank=rank, silu=site.options.attn_low_rank_silu_gates)
