"""L2 attention (2006.04710): scores are the negative squared distances between queries and keys."""

from __future__ import annotations

import paddle
from paddle import Tensor

from .base import AttentionPart, Site, Step


class L2Distance(AttentionPart):
    """Two features more turn products into distances: `2 q.k - |q|^2 - |k|^2`. So every kernel can do it.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()

    def compared(self, q: Tensor, k: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Queries, (b, h, n, w + 2), and keys, (b, g, m, w + 2)."""
        q_size, k_size = ((t * t).sum(axis=-1, keepdim=True) for t in (q, k))
        q = paddle.concat([2 * q, -q_size, paddle.full_like(q_size, -1)], axis=-1)
        return q, paddle.concat([k, paddle.ones_like(k_size), k_size], axis=-1)
