"""LayerNorm (1607.06450)."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Constant


class LayerNorm(nn.Layer):
    """Normalise the last axis to mean 0 and variance 1, then scale it.

    Args:
        dim: Width of the last axis.
        bias: Also add a learned bias.
        eps: Added to the variance.
    """

    def __init__(self, dim: int, *, bias: bool = False, eps: float = 1e-5) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps
        self.weight = self.create_parameter([dim], default_initializer=Constant(1.0))
        self.bias = self.create_parameter([dim], is_bias=True) if bias else None

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        return F.layer_norm(x, [self.dim], self.weight, self.bias, self.eps)
