"""Norms by the root mean square: one gain a feature (RMSNorm, 1910.07467), or one in all (ScaleNorm, 1910.05895)."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn.initializer import Constant


class RMSNorm(nn.Layer):
    """Divide the last axis by its root mean square, then scale each feature.

    Args:
        dim: Width of the last axis.
        eps: Added to the mean square.
        gains: Number of learned gains: `dim`, or 1 for ScaleNorm.
    """

    def __init__(self, dim: int, *, eps: float = 1e-12, gains: int | None = None) -> None:
        super().__init__()
        self.eps = eps
        self.weight = self.create_parameter([gains or dim], default_initializer=Constant(1.0))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise `x`, (..., dim); `condition` is for adaptive norms and not used here."""
        wide = x.astype("float32")
        # x * x, not x ** 2: Paddle Inference on the CPU miscompiles the power.
        mean_square = (wide * wide).mean(axis=-1, keepdim=True)
        return (wide * (mean_square + self.eps).rsqrt()).astype(x.dtype) * self.weight


class ScaleNorm(RMSNorm):
    """RMSNorm with one learned gain for all features.

    Args:
        dim: Width of the last axis.
        eps: Added to the mean square.
    """

    def __init__(self, dim: int, *, eps: float = 1e-12) -> None:
        super().__init__(dim, eps=eps, gains=1)
