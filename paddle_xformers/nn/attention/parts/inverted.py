"""Inverted attention (slot attention, 2006.15055): queries compete for keys.

The weights of a key are a softmax over the queries; then those of each query are divided by their sum. In a causal
model they are those of the queries up to each one, so that no later query takes anything away; the cache keeps, for
each key, the logarithm of the sum so far.
"""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...sizes import sizes
from ..cache import PADDING
from ..masks import HIDDEN_BELOW, MASKED
from ..normalizers import Normalizer
from .base import AttentionPart, Site, Step

LEAST_SUM = 1e-8  # as in x-transformers
LEAST_TOTAL = 1e-300


class InvertedAttention(AttentionPart):
    """Makes weights over the queries; padding asks for nothing.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.leaves = int(site.causal)

    def normalized(self, scores: Tensor, step: Step, *, normalizer: Normalizer) -> Tensor:
        """Weights, (b, h, n, m)."""
        scores = scores.astype("float32")
        seen = scores > HIDDEN_BELOW
        asks = (step.call.q_positions > PADDING).unsqueeze([1, -1])  # (b or 1, 1, n, 1)
        asked = paddle.where(asks, scores, paddle.full([1], MASKED))
        weights = self._among_queries_so_far(asked, step) if self.leaves else F.softmax(asked, axis=2)
        weights = paddle.where(seen, weights, paddle.zeros([1]))
        return weights / weights.sum(axis=-1, keepdim=True).clip(min=LEAST_SUM)

    def _among_queries_so_far(self, asked: Tensor, step: Step) -> Tensor:
        """Softmax over the queries up to each one, in float64: what came first may be small beside what comes later."""
        b, h, _, m = sizes(asked)
        past = step.past.get(self)
        known = paddle.full([b, h, 1, m], MASKED, dtype="float64")  # logarithms of the sums of the queries before
        if past:
            known = past[0].unsqueeze(2).astype("float64")
            missing = m - sizes(known)[3]
            known = paddle.concat([known, paddle.full([b, h, 1, missing], MASKED, dtype="float64")], axis=-1)
        exact = asked.astype("float64")
        top = paddle.maximum(exact.max(axis=2, keepdim=True), known).clip(min=HIDDEN_BELOW).detach()
        sizes_of = paddle.where(exact > HIDDEN_BELOW, (exact - top).exp(), paddle.zeros([1], dtype="float64"))
        totals = sizes_of.cumsum(axis=2) + (known - top).exp()
        step.state[self] = ((totals[:, :, -1].clip(min=LEAST_TOTAL).log() + top.squeeze(2)).astype("float32"),)
        return (sizes_of / totals.clip(min=LEAST_TOTAL)).astype("float32")
