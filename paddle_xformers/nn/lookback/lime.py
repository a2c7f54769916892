"""LIMe, layer-integrated memory (2502.09245): a branch reads a learned mixture of what all layers so far read."""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ..linear import Linear
from ..norms.rms import RMSNorm
from ..residuals.base import Views
from .base import Lookback, Site, Trace


class LIMe(Lookback):
    """Each token says how much of every reading goes into the mixture: one each for queries, keys and values.

    Layer i mixes the readings of layers 0 to i, its own included. Of a layer that ran more than once it takes the last.

    Args:
        site: Where it is built.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.index = site.index
        self.needs = tuple(range(site.index))
        self.mixtures = site.views
        self.softmax = site.options.layer_integrate_use_softmax
        self.norm = RMSNorm(site.dim)
        self.proj = Linear(site.dim, site.views * (site.index + 1), bias=True)

    def views(self, views: Views, earlier: tuple[Trace, ...]) -> Views:
        """Mix what was read so far: from one view to one or three."""
        read = views[0]
        latest = {trace.index: trace.read for trace in earlier}
        reads = paddle.stack([*(latest[index] for index in range(self.index)), read], axis=2)  # (b, n, l, d)
        logits: Tensor = self.proj(self.norm(read)).reshape([0, 0, self.mixtures, self.index + 1])
        weights = F.softmax(logits, axis=-1) if self.softmax else F.relu(logits)  # (b, n, v, l)
        mixed = paddle.matmul(weights, reads)  # (b, n, v, d)
        return tuple(mixed[:, :, at] for at in range(self.mixtures))
