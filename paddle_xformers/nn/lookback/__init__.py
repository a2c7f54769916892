"""The ideas of looking back at earlier layers, in the order they act."""

from __future__ import annotations

from collections.abc import Callable

from .base import Lookback, Site, Trace
from .depth_attention import DepthAttention
from .lime import LIMe
from .reinjection import Reinjection
from .unet import UNetSkip


def _mixes(site: Site) -> bool:
    """Whether LIMe has anything to weigh: a softmax over the layer's own reading alone would always give it back."""
    return site.options.integrate_layers and not (site.index == 0 and site.options.layer_integrate_use_softmax)


# Attribute of the layer -> when it is there, and how it is built.
LOOKBACKS: dict[str, tuple[Callable[[Site], bool], Callable[[Site], Lookback]]] = {
    "unet_skip": (lambda site: site.skip_from is not None, UNetSkip),
    "lime": (_mixes, LIMe),
    "depth_attention": (lambda site: site.options.attn_aggregated_residuals and not site.opens, DepthAttention),
}


def make_lookbacks(site: Site) -> dict[str, Lookback]:
    """Build what the fields of a layer ask for, by attribute name."""
    return {name: build(site) for name, (wanted, build) in LOOKBACKS.items() if wanted(site)}


__all__ = ["LOOKBACKS", "Lookback", "Reinjection", "Site", "Trace", "make_lookbacks"]
