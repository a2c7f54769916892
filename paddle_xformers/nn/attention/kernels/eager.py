"""Attention step by step: the oracle that every other kernel is tested against."""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...sizes import sizes
from ..normalizers import softmax

Change = Callable[[Tensor], Tensor]


def eager_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float,
    bias: Tensor | None = None,
    visible: Tensor | None = None,
    dropout: float = 0.0,
    normalizer: Change = softmax,
    on_scores: Change | None = None,
    on_masked_scores: Change | None = None,
    on_weights: Change | None = None,
) -> tuple[Tensor, Tensor]:
    """Attend with everything written out.

    Args:
        q: Queries, (b, h, n, w).
        k: Keys, (b, g, m, w); each serves h / g consecutive query heads.
        v: Values, (b, g, m, k); g and the width may differ from those of the keys.
        scale: Factor on the query-key products.
        bias: Added to the scores; broadcasts to (b, h, n, m).
        visible: 0.0 for queries that see no key, whose output is then zero; broadcasts to (b, h, n, 1).
        dropout: Probability of dropping a weight.
        normalizer: Turns scores into weights.
        on_scores: Changes the scaled products, (b, h, n, m).
        on_masked_scores: Changes them once bias and mask are on them.
        on_weights: Changes the weights after dropout.

    Returns:
        The attended values, (b, h, n, k), and the weights before dropout, (b, h, n, m).
    """
    b, h, n, _ = sizes(q)
    g, m = sizes(k)[1:3]
    scores = paddle.matmul((q * scale).reshape([b, g, h // g * n, -1]), k, transpose_y=True)  # (b, g, h / g * n, m)
    scores = scores.reshape([b, h, n, m])
    if on_scores is not None:
        scores = on_scores(scores)
    if bias is not None:
        scores = scores + bias
    if on_masked_scores is not None:
        scores = on_masked_scores(scores)
    weights = normalizer(scores).astype(v.dtype)
    if visible is not None:
        weights = weights * visible.astype(weights.dtype)
    used = F.dropout(weights, dropout) if dropout else weights
    if on_weights is not None:
        used = on_weights(used)
    out = paddle.matmul(used.reshape([b, v.shape[1], -1, m]), v)  # (b, g, h / g * n, k)
    return out.reshape([b, h, n, -1]), weights
