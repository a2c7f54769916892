"""Forgetting attention (2503.02130): tokens say how much of what stands before them is forgotten.

The score of key j for query i gets the sum of the logarithms of the forget gates between them. What a token says is
remembered beside its key, so that decoding with a cache knows the gates of all tokens. Padding forgets nothing.
"""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F
from paddle.nn.initializer import Constant

from ....config.options import PositionOptions
from ...linear import Linear
from ...sizes import sizes
from ..cache import PADDING
from ..heads import split
from .base import AttentionPart, Site, Step
from .known_keys import before_queries, over_tokens, positions_of_known, positions_of_new, remembered


class Forgetting(AttentionPart):
    """A forget gate a token and head, computed from the layer's input; two where attention looks both ways.

    Args:
        site: The attention layer around it.
    """

    leaves = 1

    def __init__(self, site: Site) -> None:
        super().__init__()
        position, heads = site.position, site.options.heads
        self.heads = heads
        self.both_ways = site.looks_ahead
        self.scale = position.data_dependent_alibi_post_log_scale
        gates = 2 * heads if site.looks_ahead else heads
        start = Constant(position.data_dependent_alibi_bias_init)
        self.proj = Linear(site.source_dim, gates)
        self.bias = self.create_parameter([gates], default_initializer=start)

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add what was forgotten to (b, h, n, m)."""
        logits = self.proj(step.source) + self.bias  # (b, new, h or 2h)
        gates = _of_tokens(_log_gates(logits, self.scale), positions_of_new(step).unsqueeze(-1))
        gates = remembered(self, step, gates.transpose([0, 2, 1]))  # (b, h or 2h, m)
        sums = gates.cumsum(axis=-1)
        own = sums[..., sizes(sums)[-1] - sizes(scores)[2] :]  # (b, h or 2h, n)
        bias = own.unsqueeze(-1) - sums.unsqueeze(-2)  # (b, h or 2h, n, m)
        if self.both_ways:
            behind, ahead = bias[:, : self.heads], -bias[:, self.heads :]
            bias = paddle.where(before_queries(step), behind, ahead)
        return over_tokens(scores, bias, step)


class RowForgetting(AttentionPart):
    """Forget gates that each query makes for itself: sigmoids of the products of small queries and keys.

    Args:
        site: The attention layer around it.
    """

    leaves = 1

    def __init__(self, site: Site) -> None:
        super().__init__()
        width, heads = site.position.attn_data_dependent_alibi_per_row_dim_head, site.options.heads
        self.heads = heads
        self.factor = width**-0.5
        self.scale = site.position.data_dependent_alibi_post_log_scale
        self.q_proj = Linear(site.dim, heads * width)
        self.k_proj = Linear(site.source_dim, heads * width)

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add what each query forgets to (b, h, n, m)."""
        queries = split(self.q_proj(step.x), self.heads) * self.factor  # (b, h, n, s)
        keys = remembered(self, step, split(self.k_proj(step.source), self.heads).transpose([0, 1, 3, 2]))
        gates = _log_gates(paddle.matmul(queries, keys), self.scale)  # (b, h, n, m)
        gates = _of_tokens(gates, positions_of_known(step).unsqueeze([1, 2]))
        gates = paddle.where(before_queries(step), gates, paddle.zeros([1]))
        bias = gates.flip(-1).cumsum(axis=-1).flip(-1)  # its own gate and those up to the query
        return over_tokens(scores, bias, step)


def make_forgetting(site: Site) -> AttentionPart:
    """Build the forget gates that the position fields ask for.

    Args:
        site: The attention layer around them.
    """
    position: PositionOptions = site.position
    return RowForgetting(site) if position.attn_data_dependent_alibi_per_row else Forgetting(site)


def _log_gates(logits: Tensor, scale: float) -> Tensor:
    """Logarithms of the gates, in float32: sums over many tokens need its precision."""
    return F.log_sigmoid(logits.astype("float32")) * scale


def _of_tokens(gates: Tensor, positions: Tensor) -> Tensor:
    """The gates of tokens; padding has none."""
    return paddle.where(positions > PADDING, gates, paddle.zeros([1]))
