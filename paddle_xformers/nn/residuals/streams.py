"""Several residual streams side by side: how they begin and end; what is between them is the kind's own."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn.initializer import Constant

from ...config.options import ResidualOptions
from .base import ResidualScheme


class ManyStreams(ResidualScheme):
    """Streams that start as copies, apart from a learned vector each, and are summed at the end.

    Args:
        dim: Width of a stream.
        options: The residual fields.
    """

    def __init__(self, dim: int, options: ResidualOptions) -> None:
        super().__init__()
        self.dim = dim
        self.options = options
        count = options.num_residual_streams
        self.stream_embedding = self.create_parameter([count, dim], default_initializer=Constant(0.0))

    def expand(self, x: Tensor) -> Tensor:
        """Copy (b, n, d) to every stream: (b, n, s, d)."""
        return x.unsqueeze(2) + self.stream_embedding

    def collapse(self, streams: Tensor) -> Tensor:
        """Sum the streams: (b, n, d)."""
        return streams.sum(axis=2)
