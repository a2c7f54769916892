"""Linear layers with the family's initial values and a fast bias gradient on the CPU."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import ParamAttr, Tensor, nn
from paddle.autograd import PyLayer
from paddle.nn import functional as F
from paddle.nn.initializer import Constant, Normal, Uniform

from .cpu import column_sums, needed, remember_needs, save, wants_cpu_gradient


class Linear(nn.Linear):
    """`y = x W + b` with W of (in_features, out_features).

    Initial values are uniform in +-1/sqrt(in_features), those of x-transformers, unless `zero_init`.

    Args:
        in_features: Width of the input.
        out_features: Width of the output.
        bias: Whether there is a bias.
        zero_init: Start weight and bias at zero.
    """

    def __init__(self, in_features: int, out_features: int, *, bias: bool = False, zero_init: bool = False) -> None:
        bound = 1 / math.sqrt(in_features)
        initializer = Constant(0.0) if zero_init else Uniform(-bound, bound)
        attribute = ParamAttr(initializer=initializer)
        super().__init__(in_features, out_features, weight_attr=attribute, bias_attr=attribute if bias else False)
        self.own_start = zero_init

    def start_from(self, std: float) -> None:
        """Draw the weight anew from a normal distribution, and let `initializer_range` leave it so.

        Args:
            std: Its standard deviation.
        """
        Normal(0.0, std)(self.weight)
        self.own_start = True

    def forward(self, x: Tensor) -> Tensor:
        """Map the last axis of `x`, (..., in_features), to (..., out_features)."""
        if self.bias is None:
            return paddle.matmul(x, self.weight)  # F.linear, which PaddleNLP wraps, takes longer to call
        if not wants_cpu_gradient(x):
            return F.linear(x, self.weight, self.bias)
        return _LinearWithBias.apply(x, self.weight, self.bias)


class _LinearWithBias(PyLayer):
    """F.linear, whose bias gradient is a product with a row of ones: Paddle's own reduction is 50 times slower."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        save(ctx, x, weight)
        remember_needs(ctx, x, weight, bias)
        return F.linear(x, weight, bias)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensor()
        rows = grad.reshape([-1, grad.shape[-1]])
        return needed(
            ctx,
            lambda: paddle.matmul(grad, weight, transpose_y=True),
            lambda: paddle.matmul(x.reshape([-1, x.shape[-1]]), rows, transpose_x=True),
            lambda: column_sums(rows),
        )
