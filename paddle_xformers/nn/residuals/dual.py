"""ResiDual (2304.14802): a stream with norms after every sum, and beside it one that nothing norms until the end.

The first trains well but passes little gradient down, the second the other way round; the result is the sum of both.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn

from ...config.options import ResidualOptions
from .base import Connection, ResidualScheme
from .single import PlainConnection


class DualConnection(PlainConnection):
    """Branches read the normed stream and write to both.

    Args:
        dim: Width of a stream.
        options: The residual fields.
        scale: Factor on what gets into the stream without norms.
    """

    def __init__(self, dim: int, options: ResidualOptions, scale: float) -> None:
        super().__init__(dim, options)
        self.scale = scale

    def read(self, streams: Tensor) -> tuple[Tensor, Any]:
        """Return the normed one of (b, n, 2, d)."""
        return streams[:, :, 0], None

    def write(self, streams: Tensor, output: Tensor, seen: Any) -> Tensor:
        """Add the branch output, (b, n, d), to both."""
        normed, plain = streams[:, :, 0], streams[:, :, 1]
        return paddle.stack([super().write(normed, output, seen), plain + output * self.scale], axis=2)

    def normed(self, streams: Tensor, norm: nn.Layer, condition: Tensor | None) -> Tensor:
        """Norm the first stream only."""
        first, plain = streams[:, :, 0], streams[:, :, 1]
        return paddle.stack([norm(first, condition), plain], axis=2)


class DualStreams(ResidualScheme):
    """Two streams, (b, n, 2, d); the second counts only at the end.

    Args:
        dim: Width of a stream.
        options: The residual fields.
        scale: Factor on the second stream, which keeps it in the range of half precision.
    """

    def __init__(self, dim: int, options: ResidualOptions, scale: float) -> None:
        super().__init__()
        self.dim = dim
        self.options = options
        self.scale = scale

    def expand(self, x: Tensor) -> Tensor:
        """Start both streams from (b, n, d): (b, n, 2, d)."""
        return paddle.stack([x, x * self.scale], axis=2)

    def collapse(self, streams: Tensor) -> Tensor:
        """Return the normed stream, (b, n, d)."""
        return streams[:, :, 0]

    def finish(self, streams: Tensor, norm: nn.Layer | None, condition: Tensor | None) -> Tensor:
        """Return the normed stream plus the other behind the final norm, (b, n, d)."""
        normed, plain = streams[:, :, 0], streams[:, :, 1]
        return normed + (plain if norm is None else norm(plain, condition))

    def connection(self, layer_index: int, views: int = 1) -> Connection:
        """Build the connection of one layer."""
        return DualConnection(self.dim, self.options, self.scale)
