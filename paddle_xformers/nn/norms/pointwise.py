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
        unit_offset: Store alpha less where it starts, and the gains less 1.
    """

    def __init__(self, dim: int, *, alpha: float = 1.0, unit_offset: bool = False) -> None:
        super().__init__()
        self.offsets = (alpha, 1.0) if unit_offset else (0.0, 0.0)
        self.alpha = self.create_parameter([1], default_initializer=Constant(alpha - self.offsets[0]))
        self.weight = self.create_parameter([dim], default_initializer=Constant(1.0 - self.offsets[1]))
        self.bias = self.create_parameter([dim], is_bias=True)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Squash `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        alpha, weight = self.alpha, self.weight
        if self.offsets[1]:
            alpha, weight = alpha + self.offsets[0], weight + self.offsets[1]
        return paddle.tanh(x * alpha) * weight + self.bias


class Derf(nn.Layer):
    """`erf(alpha x + shift) * weight + bias`, with one learned alpha and one shift for all features.

    Alpha starts at 0.5 and the shift at 0.

    Args:
        dim: Width of the last axis.
        offset: What is added to alpha and the gains; they are stored less this.
    """

    def __init__(self, dim: int, *, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = offset
        self.alpha = self.create_parameter([1], default_initializer=Constant(0.5 - offset))
        self.shift = self.create_parameter([1], is_bias=True)
        self.weight = self.create_parameter([dim], default_initializer=Constant(1.0 - offset))
        self.bias = self.create_parameter([dim], is_bias=True)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Squash `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        alpha, weight = self.alpha, self.weight
        if self.offset:
            alpha, weight = alpha + self.offset, weight + self.offset
        return paddle.erf(x * alpha + self.shift) * weight + self.bias
