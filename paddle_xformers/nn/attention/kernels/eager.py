"""Attention step by step: the oracle that every other kernel is tested against."""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F


def eager_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float,
    bias: Tensor | None = None,
    visible: Tensor | None = None,
    dropout: float = 0.0,
) -> tuple[Tensor, Tensor]:
    """Attend with everything written out.

    Args:
        q: Queries, (b, h, n, k).
        k: Keys, (b, g, m, k); each serves h / g consecutive query heads.
        v: Values, (b, g, m, k).
        scale: Factor on the query-key products.
        bias: Added to the scores; broadcasts to (b, h, n, m).
        visible: 0.0 for queries that see no key, whose output is then zero; broadcasts to (b, h, n, 1).
        dropout: Probability of dropping a weight.

    Returns:
        The attended values, (b, h, n, k), and the weights before dropout, (b, h, n, m).
    """
    b, h, n, _ = q.shape
    g, m = k.shape[1], k.shape[2]
    grouped = [b, g, h // g * n, -1]  # query heads of one key head, one below the other
    scores = paddle.matmul((q * scale).reshape(grouped), k, transpose_y=True)  # (b, g, h / g * n, m)
    scores = scores.reshape([b, h, n, m])
    if bias is not None:
        scores = scores + bias
    # Half precision would lose small weights: normalise in float32.
    weights = F.softmax(scores.astype("float32"), axis=-1).astype(v.dtype)
    if visible is not None:
        weights = weights * visible.astype(weights.dtype)
    dropped = F.dropout(weights, dropout) if dropout else weights
    out = paddle.matmul(dropped.reshape(grouped), v)  # (b, g, h / g * n, k)
    return out.reshape([b, h, n, -1]), weights
