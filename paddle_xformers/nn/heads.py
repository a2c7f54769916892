"""From a pooled vector to classes."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn import functional as F

from .linear import Linear


class LinearHead(nn.Layer):
    """Dropout and one linear.

    Args:
        dim: Width of the vector.
        classes: Number of classes.
        dropout: Dropout on the vector.
    """

    def __init__(self, dim: int, classes: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.dropout = nn.Dropout(dropout)
        self.proj = Linear(dim, classes, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, d) to one number for each class."""
        return self.proj(self.dropout(x))


class MLPHead(nn.Layer):
    """A feed-forward layer, four times as wide as the vector inside, that ends in the classes (2010.11929).

    Args:
        dim: Width of the vector.
        classes: Number of classes.
        dropout: Dropout between the two linears.
    """

    def __init__(self, dim: int, classes: int, *, dropout: float = 0.0) -> None:
        super().__init__()
        self.up_proj = Linear(dim, 4 * dim, bias=True)
        self.dropout = nn.Dropout(dropout)
        self.down_proj = Linear(4 * dim, classes, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, d) to one number for each class."""
        return self.down_proj(self.dropout(F.gelu(self.up_proj(x))))


HEADS: dict[str, type[LinearHead] | type[MLPHead]] = {"linear": LinearHead, "mlp": MLPHead}
