"""Input reinjection (1909.01377): every branch also sees the embedded sequence, whatever depth it stands at."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn import functional as F

from ..linear import Linear


class Reinjection(nn.Layer):
    """What is added to the input of every branch, made once a forward.

    Args:
        dim: Width of the sequence.
        gated: Whether each token says how much of it is added.
    """

    def __init__(self, dim: int, *, gated: bool) -> None:
        super().__init__()
        self.proj = Linear(dim, dim)
        self.gate = Linear(dim, 1) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        """Project the embedded sequence, (b, n, d)."""
        projected: Tensor = self.proj(x)
        return projected if self.gate is None else projected * F.sigmoid(self.gate(x))
