"""U-Net skip connections (2209.12152): a block of the second half gets the input of its mirror image in the first."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ..linear import Linear
from .base import Lookback, Site, Trace


class UNetSkip(Lookback):
    """One linear makes the streams of a layer from its own and those that came to an earlier layer.

    Args:
        site: Where it is built; `skip_from` is set.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.source = site.skip_from
        self.needs = () if site.skip_from is None else (site.skip_from,)
        self.proj = Linear(2 * site.dim, site.dim)

    def streams(self, streams: Tensor, earlier: tuple[Trace, ...]) -> Tensor:
        """Combine the streams, (..., d), with the earlier ones."""
        skip = next(trace.entered for trace in reversed(earlier) if trace.index == self.source)
        combined: Tensor = self.proj(paddle.concat([skip, streams], axis=-1))
        return combined
