"""The residual interface.

A scheme turns the embedded sequence into streams before the first layer and back after the last. In between,
each layer's `connection` reads the branch input from the streams and writes the branch output to them.
"""

from __future__ import annotations

from typing import Any

from paddle import Tensor, nn


class Connection(nn.Layer):
    """Around one layer: what its branch reads from the streams, and how its output gets into them."""

    def read(self, streams: Tensor) -> tuple[Tensor, Any]:
        """Return the branch input, (b, n, d), and whatever `write` needs to know of this reading."""
        return streams, None

    def write(self, streams: Tensor, output: Tensor, seen: Any) -> Tensor:
        """Return the streams with the branch output, (b, n, d), in them."""
        raise NotImplementedError


class ResidualScheme(nn.Layer):
    """The stack's side of a residual kind."""

    def expand(self, x: Tensor) -> Tensor:
        """Turn the embedded sequence, (b, n, d), into streams."""
        return x

    def collapse(self, streams: Tensor) -> Tensor:
        """Turn the streams after the last layer into one sequence, (b, n, d)."""
        return streams

    def connection(self, layer_index: int) -> Connection:
        """Build the connection of one layer."""
        raise NotImplementedError
