"""Paddle's own fused attention, which picks flash kernels on a GPU. On the CPU it is plain maths."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn import functional as F

from ...sizes import sizes


def fused_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    *,
    scale: float,
    bias: Tensor | None,
    visible: Tensor | None,
    causal: bool,
    dropout: float,
) -> Tensor:
    """Attend by `scaled_dot_product_attention`; arguments as in `eager_attention`.

    Args:
        q: Queries, (b, h, n, k).
        k: Keys, (b, g, m, k), of the width of the values.
        v: Values, (b, g, m, k); g may be another number.
        scale: Factor on the query-key products.
        bias: Added to the scores; broadcasts to (b, h, n, m). Not together with `causal`.
        visible: 0.0 for queries that see no key; broadcasts to (b, h, n, 1).
        causal: Let the kernel mask by itself; needs as many queries as keys.
        dropout: Probability of dropping a weight.

    Returns:
        The attended values, (b, h, n, k).
    """
    h, head_dim = q.shape[1], q.shape[3]
    k, v = (part.repeat_interleave(h // part.shape[1], axis=1) if part.shape[1] < h else part for part in (k, v))
    q = q * (scale * head_dim**0.5)  # the kernel itself divides by head_dim ** 0.5
    if bias is not None:
        bias = bias.expand([sizes(q)[0], h, sizes(q)[2], sizes(k)[2]])
    out = F.scaled_dot_product_attention(
        *(part.transpose([0, 2, 1, 3]) for part in (q, k, v)),  # (b, n, h, k)
        attn_mask=bias,
        dropout_p=dropout,
        is_causal=causal,
        training=dropout > 0,
    )
    out = out.transpose([0, 2, 1, 3])  # (b, h, n, k)
    return out if visible is None else out * visible.astype(out.dtype)
