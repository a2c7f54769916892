"""ReZero (2003.04887): the branch counts as much as a learned number says, which starts at 0."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn.initializer import Constant

from ...config.options import ResidualOptions
from .single import PlainConnection


class ReZeroConnection(PlainConnection):
    """Residual plus branch output times one learned number, 0 at first, so that every layer starts as the identity.

    Args:
        dim: Width of the stream.
        options: The residual fields.
    """

    def __init__(self, dim: int, options: ResidualOptions) -> None:
        super().__init__(dim, options)
        self.branch_scale = self.create_parameter([1], default_initializer=Constant(0.0))

    def merge(self, residual: Tensor, output: Tensor) -> Tensor:
        """Add the scaled branch: both (b, n, d)."""
        return residual + output * self.branch_scale
