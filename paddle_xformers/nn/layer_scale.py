"""LayerScale (2103.17239): a learned factor for each feature of a branch's output."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn.initializer import Constant


class LayerScale(nn.Layer):
    """Multiply the last axis by learned factors.

    Args:
        dim: Width of the last axis.
        init: Where the factors start.
        offset: What is added to the factors; they are stored less this.
    """

    def __init__(self, dim: int, init: float, *, offset: float = 0.0) -> None:
        super().__init__()
        self.offset = offset
        self.weight = self.create_parameter([dim], default_initializer=Constant(init - offset))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scale `x`, (..., dim); `condition` is for the adaptive kind and not used here."""
        return x * (self.weight + self.offset if self.offset else self.weight)
