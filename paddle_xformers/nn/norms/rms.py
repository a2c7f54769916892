"""Norms by the root mean square.

RMSNorm (1910.07467) has one gain a feature, ScaleNorm (1910.05895) one for all, SimpleRMSNorm (2307.14995) none.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer
from paddle.nn.initializer import Constant

from ..cpu import column_sums, needed, on_cpu, remember_needs, row_means, save, spread_column, spread_row


class RMSNorm(nn.Layer):
    """Divide the last axis by its root mean square, then scale each feature.

    Args:
        dim: Width of the last axis.
        eps: Added to the mean square.
        gains: Number of learned gains: `dim`, or 1 for ScaleNorm.
        offset: What is added to the gains; they are stored less this.
    """

    def __init__(self, dim: int, *, eps: float = 1e-12, gains: int | None = None, offset: float = 0.0) -> None:
        super().__init__()
        self.eps = eps
        self.offset = offset
        self.weight = self.create_parameter([gains or dim], default_initializer=Constant(1.0 - offset))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        weight = self.weight + self.offset if self.offset else self.weight
        if on_cpu(x) and x.shape[-2] > 1:
            return _RMSNorm.apply(x, weight, self.eps)
        wide = x.astype("float32")
        # x * x, not x ** 2: Paddle Inference on the CPU miscompiles the power.
        mean_square = (wide * wide).mean(axis=-1, keepdim=True)
        return (wide * (mean_square + self.eps).rsqrt()).astype(x.dtype) * weight


class ScaleNorm(RMSNorm):
    """RMSNorm with one learned gain for all features.

    Args:
        dim: Width of the last axis.
        eps: Added to the mean square.
        offset: What is added to the gain.
    """

    def __init__(self, dim: int, *, eps: float = 1e-12, offset: float = 0.0) -> None:
        super().__init__(dim, eps=eps, gains=1, offset=offset)


class SimpleRMSNorm(nn.Layer):
    """RMSNorm without gains.

    Args:
        eps: Added to the mean square.
    """

    def __init__(self, *, eps: float = 1e-12) -> None:
        super().__init__()
        self.eps = eps
        self.register_buffer("one", paddle.ones([1]), persistable=False)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        if on_cpu(x) and x.shape[-2] > 1:
            return _RMSNorm.apply(x, self.one, self.eps)
        wide = x.astype("float32")
        return (wide * ((wide * wide).mean(axis=-1, keepdim=True) + self.eps).rsqrt()).astype(x.dtype)


class _RMSNorm(PyLayer):
    """The same in row and column products, forward and backward."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, eps: float) -> Tensor:
        d = x.shape[-1]
        rows = x.reshape([-1, d])  # (r, d)
        scale = spread_column((row_means(rows * rows) + eps).rsqrt(), d)
        save(ctx, x, weight, scale)
        remember_needs(ctx, x, weight)
        return (rows * scale * _gains(weight, rows)).reshape(x.shape)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, scale = ctx.saved_tensor()
        d = x.shape[-1]
        rows, slope = x.reshape([-1, d]), grad.reshape([-1, d])  # (r, d)
        normed = rows * scale
        weighted = slope * _gains(weight, rows)
        grad_x = (weighted - normed * spread_column(row_means(weighted * normed), d)) * scale
        by_feature = column_sums(slope * normed)
        return needed(
            ctx,
            lambda: grad_x.reshape(x.shape),
            lambda: by_feature.sum().reshape([1]) if weight.shape[0] == 1 else by_feature,
        )


def _gains(weight: Tensor, rows: Tensor) -> Tensor:
    """The gains written out to (r, d), or the one gain as it is."""
    return weight if weight.shape[0] == 1 else spread_row(weight, rows.shape[0])
