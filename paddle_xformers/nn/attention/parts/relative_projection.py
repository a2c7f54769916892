"""Relative positions by projection: each query mixes its own curve over the distance from learned basis curves.

There is no paper yet; the idea is that of the Inkling model as x-transformers has it.
"""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn.initializer import Normal

from ...linear import Linear
from ...sizes import sizes
from ..heads import split
from .base import AttentionPart, Site, Step
from .known_keys import over_tokens, positions_of_known


class RelativeProjection(AttentionPart):
    """Adds the curve's value at the distance of each key; keys ahead, or further than the curves reach, get nothing.

    Distances are those of positions, so that padding does not count. A token computes its curve from the layer's input.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        count, reach = site.position.attn_rel_proj_num_distance_basis, site.position.attn_rel_proj_max_dist
        self.heads = site.options.heads
        self.reach = reach
        self.proj = Linear(site.dim, self.heads * count, bias=True)
        self.curves = self.create_parameter([count, reach], default_initializer=Normal(0.0, 0.02))

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add the curves to (b, h, n, m)."""
        b, h, n, _ = sizes(scores)
        queries, keys = step.call.q_positions, positions_of_known(step)
        behind = (queries.unsqueeze(-1) - keys.unsqueeze(1)).unsqueeze(1)  # (b or 1, 1, n, m)
        curves = paddle.matmul(split(self.proj(step.x), self.heads), self.curves)  # (b, h, n, reach)
        at = behind.clip(0, self.reach - 1).expand([b, h, n, -1])
        bias = paddle.take_along_axis(curves, at, axis=-1, broadcast=False)  # (b, h, n, m)
        bias = paddle.where((behind >= 0) & (behind < self.reach), bias, paddle.zeros([1], dtype=bias.dtype))
        return over_tokens(scores, bias, step)
