"""Causal attention on the CPU by blocks of queries, without forming the whole score matrix.

Tensors are feature-major, (batch, heads, head_dim, length): a projection computed as `W^T x^T` has this layout
already, so that heads are split and merged without a copy. Each block of queries multiplies only the keys
up to its diagonal, which halves the work and keeps the scores in cache. Only the block on the diagonal
needs a mask; a key mask rides along in the product as one more feature, because adding a broadcast
tensor is slower than the product itself on the CPU.

The idea of never holding all scores is that of FlashAttention (2205.14135).
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor
from paddle.autograd import PyLayer
from paddle.nn import functional as F

from ...cpu import needed, remember_needs, save
from ..masks import MASKED

# Up to this many keys the weights of the forward are kept for the backward; longer ones are computed again.
KEEP_WEIGHTS_UP_TO = 1024


def _block_size(n: int) -> int:
    """Queries in a block: measured best on 2 cores; smaller blocks lose more to dispatch than they save."""
    return 256 if n <= 1024 else 512


def blockwise_causal_attention(q: Tensor, k: Tensor, v: Tensor, scale: float, key_bias: Tensor | None) -> Tensor:
    """Attend causally, every query to the keys up to its own position.

    Args:
        q: Queries, (b, h, k, n).
        k: Keys, (b, h, k, n).
        v: Values, (b, h, k, n).
        scale: Factor on the products.
        key_bias: Added to the scores of each key, (b, n), or None. Gets no gradient.

    Returns:
        The attended values, (b, h, k, n).
    """
    q = q * scale
    if key_bias is not None:
        ones = paddle.ones_like(q[:, :, :1])
        q = paddle.concat([q, ones], axis=2)  # (b, h, k + 1, n)
        bias = key_bias.astype(k.dtype).unsqueeze([1, 2]).expand([-1, k.shape[1], 1, -1])
        k = paddle.concat([k, bias], axis=2)  # (b, h, k + 1, n)
    return _BlockwiseCausal.apply(q, k, v)


def _weights(q: Tensor, k: Tensor, start: int, stop: int, triangle: Tensor) -> Tensor:
    """Attention weights of the queries start:stop, (b, h, stop - start, stop)."""
    size = stop - start
    if size < triangle.shape[-1]:
        triangle = triangle[:, :, :size, :size].contiguous()
    block = q[:, :, :, start:stop].contiguous()
    diagonal = paddle.matmul(block, k[:, :, :, start:stop].contiguous(), transpose_x=True) + triangle
    if start == 0:
        return F.softmax(diagonal)
    before = paddle.matmul(block, k[:, :, :, :start].contiguous(), transpose_x=True)
    return F.softmax(paddle.concat([before, diagonal], axis=-1))


def _triangle(b: int, h: int, size: int, dtype: paddle.dtype) -> Tensor:
    """The mask of a diagonal block, written out to (b, h, size, size) so that adding it broadcasts nothing."""
    mask = paddle.triu(paddle.full([size, size], MASKED, dtype=dtype), diagonal=1)
    return mask.expand([b, h, size, size]).contiguous()


class _BlockwiseCausal(PyLayer):
    @staticmethod
    def forward(ctx: Any, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        b, h, _, n = q.shape
        step = _block_size(n)
        triangle = _triangle(b, h, min(step, n), q.dtype)
        keep = n <= KEEP_WEIGHTS_UP_TO
        outputs, kept = [], []
        for start in range(0, n, step):
            stop = min(start + step, n)
            weights = _weights(q, k, start, stop, triangle)
            outputs.append(paddle.matmul(v[:, :, :, :stop].contiguous(), weights, transpose_y=True))
            if keep:
                kept.append(weights)
        save(ctx, q, k, v, triangle, *kept)
        remember_needs(ctx, q, k, v)
        return paddle.concat(outputs, axis=-1)  # (b, h, k, n)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        q, k, v, triangle, *kept = ctx.saved_tensor()
        n = q.shape[-1]
        step = _block_size(n)
        grad_k, grad_v = paddle.zeros_like(k), paddle.zeros_like(v)
        grads_q = []
        # From the last block to the first: the first product for a prefix of keys covers all of them.
        for start in range((n - 1) // step * step, -1, -step):
            stop = min(start + step, n)
            weights = kept[start // step] if kept else _weights(q, k, start, stop, triangle)
            grad_out = grad[:, :, :, start:stop].contiguous()  # (b, h, k, size)
            keys, values = k[:, :, :, :stop].contiguous(), v[:, :, :, :stop].contiguous()
            grad_weights = paddle.matmul(grad_out, values, transpose_x=True)  # (b, h, size, stop)
            grad_scores = _softmax_gradient(weights, grad_weights)
            grads_q.append(paddle.matmul(keys, grad_scores, transpose_y=True))  # (b, h, k, size)
            block = q[:, :, :, start:stop].contiguous()
            _add_prefix(grad_k, paddle.matmul(block, grad_scores), stop)
            _add_prefix(grad_v, paddle.matmul(grad_out, weights), stop)
        return needed(ctx, lambda: paddle.concat(grads_q[::-1], axis=-1), lambda: grad_k, lambda: grad_v)


def _softmax_gradient(weights: Tensor, grad: Tensor) -> Tensor:
    """Gradient of the scores from the gradient of the softmax over the last axis."""
    return paddle._C_ops.softmax_grad(weights, grad, -1)


def _add_prefix(total: Tensor, part: Tensor, stop: int) -> None:
    """Add `part` to the first `stop` positions of `total`, in place."""
    if stop == total.shape[-1]:
        total.add_(part)
    else:
        total[:, :, :, :stop] = total[:, :, :, :stop] + part
