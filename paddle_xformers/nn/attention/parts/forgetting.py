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
from ..masks import lead_with_zeros
from .base import AttentionPart, Site, Step


class Forgetting(AttentionPart):
    """A forget gate a token and head, computed from the layer's input; two where attention looks both ways.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        position, heads = site.position, site.options.heads
        self.heads = heads
        self.causal = site.causal
        self.scale = position.data_dependent_alibi_post_log_scale
        gates = heads if site.causal else 2 * heads
        start = Constant(position.data_dependent_alibi_bias_init)
        self.proj = Linear(site.source_dim, gates)
        self.bias = self.create_parameter([gates], default_initializer=start)

    def of_keys(self, step: Step) -> Tensor:
        """Return the logarithms of the gates, (b, h or 2h, m, 1), in float32."""
        gates = _log_gates(self.proj(step.source) + self.bias, self.scale)  # (b, m, h or 2h)
        return _of_tokens(gates, step.placed.new.unsqueeze(-1)).transpose([0, 2, 1]).unsqueeze(-1)

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add what was forgotten to (b, h, n, m)."""
        sums = step.of_keys["forgetting"].squeeze(-1).cumsum(axis=-1)  # (b, h or 2h, m)
        bias = step.placed.of_queries(sums).unsqueeze(-1) - sums.unsqueeze(-2)  # (b, h or 2h, n, m)
        if not self.causal:
            behind, ahead = bias[:, : self.heads], -bias[:, self.heads :]
            bias = paddle.where(step.placed.before_queries(), behind, ahead)
        return _added(scores, bias)


class RowForgetting(AttentionPart):
    """Forget gates that each query makes for itself: sigmoids of the products of small queries and keys.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        width, heads = site.position.attn_data_dependent_alibi_per_row_dim_head, site.options.heads
        self.heads = heads
        self.factor = width**-0.5
        self.scale = site.position.data_dependent_alibi_post_log_scale
        self.q_proj = Linear(site.dim, heads * width)
        self.k_proj = Linear(site.source_dim, heads * width)

    def of_keys(self, step: Step) -> Tensor:
        """Return the small keys, (b, h, m, s)."""
        return split(self.k_proj(step.source), self.heads)

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add what each query forgets to (b, h, n, m)."""
        queries = split(self.q_proj(step.x), self.heads) * self.factor
        products = paddle.matmul(queries, step.of_keys["forgetting"], transpose_y=True)  # (b, h, n, m)
        gates = _of_tokens(_log_gates(products, self.scale), step.placed.keys.unsqueeze([1, 2]))
        gates = paddle.where(step.placed.before_queries(), gates, paddle.zeros([1]))
        return _added(scores, gates.flip(-1).cumsum(axis=-1).flip(-1))  # its own gate and those up to the query


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


def _added(scores: Tensor, bias: Tensor) -> Tensor:
    """Scores with a bias on those of the tokens, (b, h, n, m); what stands in front gets none."""
    return scores + lead_with_zeros(bias, sizes(scores)[-1]).astype(scores.dtype)
