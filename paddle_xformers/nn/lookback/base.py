"""The socket between layers: what a layer takes from those that ran before it in the same forward.

streams   the streams that the layer reads from and writes to
views     what its branch reads

A layer is told what every earlier step left, a `Trace` each. All of it is about the same token, so that it needs no
place in the cache.
"""

from __future__ import annotations

from dataclasses import dataclass

from paddle import Tensor, nn

from ...config.options import ResidualOptions
from ..residuals.base import Views


@dataclass(frozen=True)
class Trace:
    """What one step of the stack left for later ones; a layer that stochastic depth passes over leaves it too.

    Args:
        index: Index of its layer.
        entered: The streams as they came to the layer.
        read: What the branch read from them, (b, n, d).
    """

    index: int
    entered: Tensor
    read: Tensor


@dataclass(frozen=True)
class Site:
    """Where a lookback is built.

    Args:
        dim: Width of the streams.
        options: The residual fields.
        index: Index of the layer.
        views: How many readings its branch wants.
        opens: Whether nothing ever runs before it.
        skip_from: The layer whose streams come back to it, or None.
    """

    dim: int
    options: ResidualOptions
    index: int
    views: int = 1
    opens: bool = False
    skip_from: int | None = None


class Lookback(nn.Layer):
    """One idea of looking back; a subclass overrides the stage it acts at."""

    # The layers that must have run before.
    needs: tuple[int, ...] = ()

    def streams(self, streams: Tensor, earlier: tuple[Trace, ...]) -> Tensor:
        """Change the streams as they come to the layer."""
        return streams

    def views(self, views: Views, earlier: tuple[Trace, ...]) -> Views:
        """Change what the branch reads; before the first lookback it is one reading for all, or three."""
        return views
