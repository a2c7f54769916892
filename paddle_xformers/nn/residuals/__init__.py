"""How branches read from and write to the residual stream, by name."""

from __future__ import annotations

import functools

from ...config.options import ModelOptions, NormOptions, ResidualOptions
from ...config.registry import find_part, make_part, provide
from .base import Connection, ResidualScheme, Views
from .dual import DualStreams
from .gated import GatedStreams
from .gru import GRUConnection
from .hyper import HyperConnections
from .mean_variance import MeanVarianceConnection
from .orthogonal import OrthogonalConnection
from .rezero import ReZeroConnection
from .single import PlainConnection, SingleStream


def _hyper(model: ModelOptions, options: ResidualOptions) -> HyperConnections:
    return HyperConnections(model.dim, options, sum_streams=model.upstream_compat)


def _gated_multi(model: ModelOptions, options: ResidualOptions) -> GatedStreams:
    return GatedStreams(model.dim, options)


# A class of connections, one for each layer; or what builds a scheme with streams of its own.
provide(
    "residual",
    {
        "plain": PlainConnection,
        "rezero": ReZeroConnection,
        "gru": GRUConnection,
        "orthogonal": OrthogonalConnection,
        "mv_split": MeanVarianceConnection,
        "hyper": _hyper,
        "gated_multi": _gated_multi,
    },
)


def make_residuals(
    model: ModelOptions, options: ResidualOptions, norm: NormOptions | None = None, *, causal: bool = False
) -> ResidualScheme:
    """Build the residual scheme that the options name.

    Args:
        model: The fields of the whole model.
        options: The residual fields.
        norm: The norm fields, which may ask for a second stream; None: their defaults.
        causal: Whether nothing may come from later tokens.
    """
    if norm is not None and norm.norm_placement == "resi_dual":
        return DualStreams(model.dim, options, norm.resi_dual_scale)
    part, settings = find_part("residual", options.residual)
    if isinstance(part, type) and issubclass(part, Connection):
        settings = {**settings, "causal": causal} if part.looks_along else settings
        return SingleStream(functools.partial(part, **settings), model.dim, options)
    scheme: ResidualScheme = make_part("residual", options.residual, model, options)
    return scheme


def looks_along(options: ResidualOptions) -> bool:
    """Whether what gets into the streams of a token depends on other tokens."""
    return bool(getattr(find_part("residual", options.residual)[0], "looks_along", False))


__all__ = [
    "Connection",
    "HyperConnections",
    "PlainConnection",
    "ResidualScheme",
    "SingleStream",
    "Views",
    "looks_along",
    "make_residuals",
]
