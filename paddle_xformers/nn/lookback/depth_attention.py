"""Attention residuals (2603.15031; 2601.21582): a branch reads what attention over depth finds in all states so far."""

from __future__ import annotations

import paddle
from paddle.nn import functional as F

from ...config.registry import make_function
from .. import activations  # noqa: F401 - which provides them
from ..linear import Linear
from ..norms.rms import RMSNorm
from ..residuals.base import Views
from .base import Lookback, Site, Trace

EPSILON = 1.1920929e-07  # of float32, added to the mean square


class DepthAttention(Lookback):
    """The newest state, changed by two narrow linears, asks; the normed states answer, the newest among them.

    Args:
        site: Where it is built.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.questions = site.views
        self.scale = site.dim**-0.5
        rank = site.options.depth_attention_rank(site.dim)
        self.activation = make_function("ff_activation", site.options.attn_aggregated_residual_activation)
        self.query_norm, self.norm, self.key_norm = (RMSNorm(site.dim, eps=EPSILON) for _ in range(3))
        self.down_proj = Linear(site.dim, rank)
        self.up_proj = Linear(rank, site.views * site.dim, zero_init=True)

    def views(self, views: Views, earlier: tuple[Trace, ...]) -> Views:
        """Attend over the states so far: from one view to one or three."""
        read = views[0]
        states = paddle.stack([*(trace.read for trace in earlier), read], axis=2)  # (b, n, l, d)
        change = self.up_proj(self.activation(self.down_proj(self.query_norm(read))))
        queries = self.norm(read.unsqueeze(2) + change.reshape([0, 0, self.questions, read.shape[-1]]))  # (b, n, v, d)
        scores = paddle.matmul(queries, self.key_norm(states), transpose_y=True) * self.scale  # (b, n, v, l)
        return tuple(paddle.matmul(F.softmax(scores, axis=-1), states).unbind(axis=2))
