"""One residual stream: the plain sum (1512.03385), and the base of kinds that merge branch and residual otherwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from paddle import Tensor
from paddle.nn.initializer import Constant

from ...config.options import ResidualOptions
from .base import Connection, ResidualScheme


class PlainConnection(Connection):
    """Residual plus branch output.

    The residual, not the branch, may be scaled: by a learned factor a feature (NormFormer, 2110.09456), by a constant
    (DeepNorm, 2203.00555), or both.

    Args:
        dim: Width of the stream.
        options: The residual fields.
    """

    def __init__(self, dim: int, options: ResidualOptions) -> None:
        super().__init__()
        self.constant = options.scale_residual_constant
        self.residual_scale = None
        if options.scale_residual:
            self.residual_scale = self.create_parameter([dim], default_initializer=Constant(1.0))

    def write(self, streams: Tensor, output: Tensor, seen: Any) -> Tensor:
        """Return the scaled stream and the branch output merged, (b, n, d)."""
        if self.residual_scale is not None:
            streams = streams * self.residual_scale
        if self.constant != 1.0:
            streams = streams * self.constant
        return self.merge(streams, output)

    def merge(self, residual: Tensor, output: Tensor) -> Tensor:
        """Add, in the plain kind: both (b, n, d)."""
        return residual + output


class SingleStream(ResidualScheme):
    """One stream, with the same kind of connection around every layer.

    Args:
        kind: What builds the connection of a layer from the next two.
        dim: Width of the stream.
        options: The residual fields.
    """

    def __init__(self, kind: Callable[[int, ResidualOptions], Connection], dim: int, options: ResidualOptions) -> None:
        super().__init__()
        self.kind = kind
        self.dim = dim
        self.options = options

    def connection(self, layer_index: int) -> Connection:
        """Build the connection of one layer."""
        return self.kind(self.dim, self.options)
