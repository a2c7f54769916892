"""The residual interface.

A scheme turns the embedded sequence into streams before the first layer and back after the last. In between,
each layer's `connection` reads the branch input from the streams and writes the branch output to them.
"""

from __future__ import annotations

from typing import Any

from paddle import Tensor, nn

from ..attention.cache import State
from ..shift import Line

# What branches read, (b, n, d) each: one for all, or one each for queries, keys and values.
Views = tuple[Tensor, ...]


class Connection(nn.Layer):
    """Around one layer: what its branch reads from the streams, and how its output gets into them."""

    # Number of tensors that it keeps in the cache.
    keeps = 0
    # Whether `write_along` looks at other tokens; then it is built with `causal`, and told which tokens are padding.
    looks_along = False

    def read(self, streams: Tensor) -> tuple[Tensor | Views, Any]:
        """Return what the branch reads, (b, n, d) or three of these, and whatever `write` needs to know of it."""
        return streams, None

    def write(self, streams: Tensor, output: Tensor, seen: Any) -> Tensor:
        """Return the streams with the branch output, (b, n, d), in them."""
        raise NotImplementedError

    def write_along(
        self, streams: Tensor, output: Tensor, seen: Any, line: Line | None, past: State
    ) -> tuple[Tensor, State]:
        """Write, where what gets into the streams of a token may depend on other tokens.

        Args:
            streams: The streams.
            output: The branch output, (b, n, d).
            seen: What `read` returned beside its reading.
            line: Which tokens are none; None: all are.
            past: What this connection kept of the tokens before, or nothing.

        Returns:
            The streams, and what the next call needs.
        """
        return self.write(streams, output, seen), ()

    def normed(self, streams: Tensor, norm: nn.Layer, condition: Tensor | None) -> Tensor:
        """Return the streams behind the norm that stands after the residual sum, which may depend on a condition."""
        normed: Tensor = norm(streams, condition)
        return normed


class ResidualScheme(nn.Layer):
    """The stack's side of a residual kind."""

    def expand(self, x: Tensor) -> Tensor:
        """Turn the embedded sequence, (b, n, d), into streams."""
        return x

    def collapse(self, streams: Tensor) -> Tensor:
        """Turn the streams between two layers into one sequence, (b, n, d)."""
        return streams

    def finish(self, streams: Tensor, norm: nn.Layer | None, condition: Tensor | None) -> Tensor:
        """Turn the streams after the last layer into one sequence, (b, n, d), and apply the final norm, if any."""
        hidden = self.collapse(streams)
        return hidden if norm is None else norm(hidden, condition)

    def connection(self, layer_index: int, views: int = 1) -> Connection:
        """Build the connection of one layer; only schemes of several streams are asked for more than one view."""
        raise NotImplementedError
