"""Explicit sparse attention (1912.11637): each query attends only to its k best keys."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...sizes import sizes
from ..masks import MASKED
from .base import AttentionPart, Site, Step


class SparseTopK(AttentionPart):
    """Hides every key whose score is below the k-th best; ties are kept.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.k = site.options.attn_sparse_topk

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Mask all but the best; with at most k keys all stay."""
        keys, k = sizes(scores)[-1], self.k or 1
        k = min(k, keys) if isinstance(keys, int) else paddle.minimum(keys, paddle.full([], k, dtype=keys.dtype))
        kth = paddle.topk(scores, k, axis=-1)[0][..., -1:]
        return paddle.where(scores >= kth, scores, paddle.full([1], MASKED, dtype=scores.dtype))
