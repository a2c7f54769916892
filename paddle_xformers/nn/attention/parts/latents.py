"""Latents (multi-head latent attention, 2405.04434): queries, or keys and values, come by way of a few features.

The cache holds the keys and values made of them, as everywhere, not the latents themselves.
"""

from __future__ import annotations

from paddle import Tensor

from ...linear import Linear
from .base import AttentionPart, Site, Step


class LatentQueries(AttentionPart):
    """Projects what queries are made of to its latent.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.proj = Linear(site.dim, site.query_width)

    def query_input(self, x: Tensor, step: Step) -> Tensor:
        """From (b, n, d) to the latent, (b, n, l)."""
        return self.proj(x)


class LatentKeyValues(AttentionPart):
    """Projects what keys and values are made of to the latent that they share.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.proj = Linear(site.source_dim, site.source_width)

    def source_input(self, source: Tensor, step: Step) -> Tensor:
        """From (b, m, d) to the latent, (b, m, l)."""
        return self.proj(source)
