"""S-shaped functions of each feature by itself, in place of a norm: dynamic tanh (2503.10622), Derf (2512.10938)."""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Constant


class DynamicTanh(nn.Layer):
    """`tanh(alpha x) * weight + bias`, with one learned alpha for all features.

    Args:
        dim: Width of the last axis.
        alpha: Where alpha starts.
    """

    def __init__(self, dim: int, *, alpha: float = 1.0) -> None:
        super().__init__()
        self.alpha = self.create_parameter([1], default_initializer=Constant(alpha))
        self.weight = self.create_parameter([dim], default_initializer=Constant(1.0))
        self.bias = self.create_parameter([dim], is_bias=True)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Squash `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        return paddle.tanh(x * self.alpha) * self.weight + self.bias


class Derf(nn.Layer):
    """`erf(alpha x + shift) * weight + bias`, with one learned alpha and one shift for all features.

    Alpha starts at 0.5 and the shift at 0.

    Args:
        dim: Width of the last axis.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.alpha = self.create_parameter([1], default_initializer=Constant(0.5))
        self.shift = self.create_parameter([1], is_bias=True)
        self.weight = self.create_parameter([dim], default_initializer=Constant(1.0))
        self.bias = self.create_parameter([dim], is_bias=True)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Squash `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        return paddle.erf(x * self.alpha + self.shift) * self.weight + self.bias
