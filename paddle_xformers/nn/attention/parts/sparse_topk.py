"""Explicit sparse attention (1912.11637): each query attends only to its k best keys.

The keys left out learn nothing, unless the gradient takes the way of full attention (straight-through, 2505.22074).
"""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...sizes import sizes
from ..masks import MASKED
from ..normalizers import Normalizer
from .base import AttentionPart, Site, Step

TIE = 2.0**-18  # scores nearer to each other, by the size of the best, differ by rounding only


class SparseTopK(AttentionPart):
    """Hides every key whose score is below the k-th best; ties are kept, up to rounding.

    So copies of one key, such as those of memory tokens between tokens, are kept or hidden together, whatever the order
    of a sum: with a cache as without.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.k = site.options.attn_sparse_topk
        self.straight_through = site.options.attn_sparse_topk_straight_through

    def normalized(self, scores: Tensor, step: Step, *, normalizer: Normalizer) -> Tensor:
        """Weights, (b, h, n, m), of the best keys; with at most k keys, of all."""
        weights = normalizer(self._best(scores))
        if not self.straight_through:
            return weights
        full = normalizer(scores)
        return full + (weights - full).detach()

    def _best(self, scores: Tensor) -> Tensor:
        """Mask all but the best."""
        keys, k = sizes(scores)[-1], self.k or 1
        k = min(k, keys) if isinstance(keys, int) else paddle.minimum(keys, paddle.full([], k, dtype=keys.dtype))
        best = paddle.topk(scores, k, axis=-1)[0]  # (b, h, n, k)
        least = best[..., -1:] - best.abs().max(axis=-1, keepdim=True) * TIE
        return paddle.where(scores >= least, scores, paddle.full([1], MASKED, dtype=scores.dtype))
