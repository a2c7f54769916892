"""LayerNorm (1607.06450)."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.autograd import PyLayer
from paddle.nn import functional as F
from paddle.nn.initializer import Constant

from ..cpu import column_sums, needed, remember_needs, row_means, save, spread_column, spread_row, wants_cpu_gradient


class LayerNorm(nn.Layer):
    """Normalise the last axis to mean 0 and variance 1, then scale it.

    Args:
        dim: Width of the last axis.
        bias: Also add a learned bias.
        eps: Added to the variance.
        offset: What is added to the gains; they are stored less this.
    """

    def __init__(self, dim: int, *, bias: bool = False, eps: float = 1e-5, offset: float = 0.0) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps
        self.offset = offset
        self.weight = self.create_parameter([dim], default_initializer=Constant(1.0 - offset))
        self.bias = self.create_parameter([dim], is_bias=True) if bias else None

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        weight = self.weight + self.offset if self.offset else self.weight
        if wants_cpu_gradient(x):
            return _LayerNorm.apply(x, weight, self.bias, self.eps)
        bias = self.bias
        if bias is None and not paddle.in_dynamic_mode():
            bias = paddle.zeros_like(weight)  # without one oneDNN, in Paddle Inference, returns wrong numbers
        return F.layer_norm(x, [self.dim], weight, bias, self.eps)


class SimpleLayerNorm(nn.Layer):
    """LayerNorm without gain and bias.

    Args:
        dim: Width of the last axis.
        eps: Added to the variance.
    """

    def __init__(self, dim: int, *, eps: float = 1e-5) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps
        self.register_buffer("one", paddle.ones([dim]), persistable=False)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        if wants_cpu_gradient(x):
            return _LayerNorm.apply(x, self.one, None, self.eps)
        # With weights and biases, as LayerNorm has them: see there.
        bias = None if paddle.in_dynamic_mode() else paddle.zeros_like(self.one)
        return F.layer_norm(x, [self.dim], self.one, bias, self.eps)


class _LayerNorm(PyLayer):
    """F.layer_norm with a backward that is five times faster on the CPU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, eps: float) -> Tensor:
        save(ctx, x, weight)
        ctx.eps = eps
        remember_needs(ctx, x, weight, bias)
        return F.layer_norm(x, [x.shape[-1]], weight, bias, eps)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensor()
        d = x.shape[-1]
        rows, slope = x.reshape([-1, d]), grad.reshape([-1, d])  # (r, d)
        centred = rows - spread_column(row_means(rows), d)
        scale = spread_column((row_means(centred * centred) + ctx.eps).rsqrt(), d)
        normed = centred * scale
        weighted = slope * spread_row(weight, rows.shape[0])
        along = normed * spread_column(row_means(weighted * normed), d)
        grad_x = (weighted - spread_column(row_means(weighted), d) - along) * scale
        gradients = (lambda: grad_x.reshape(x.shape), lambda: column_sums(slope * normed), lambda: column_sums(slope))
        return needed(ctx, *gradients[: len(ctx.needs)])
