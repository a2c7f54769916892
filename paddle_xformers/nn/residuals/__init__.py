"""How branches read from and write to the residual stream, by name."""

from __future__ import annotations

import functools

<<<<<<< HEAD
from ...config.options import ModelOptions, NormOptions, ResidualOptions
from .base import ResidualScheme, Views
from .dual import DualStreams
from .gated import GatedStreams
=======
from ...config.options import ModelOptions, ResidualOptions
from ...config.registry import find_part, make_part, provide
from .base import Connection, ResidualScheme
>>>>>>> main
from .gru import GRUConnection
from .hyper import HyperConnections
from .mean_variance import MeanVarianceConnection
from .orthogonal import OrthogonalConnection
from .rezero import ReZeroConnection
from .single import PlainConnection, SingleStream


def _hyper(model: ModelOptions, options: ResidualOptions) -> HyperConnections:
    return HyperConnections(
        model.dim,
        options.num_residual_streams,
        options.hyper_conn_sinkhorn_iters,
        sum_streams=model.upstream_compat,
    )


# A class of connections, one for each layer; or what builds a scheme with streams of its own.
provide(
    "residual",
    {
        "plain": PlainConnection,
        "rezero": ReZeroConnection,
        "gru": GRUConnection,
        "orthogonal": OrthogonalConnection,
        "hyper": _hyper,
    },
)


<<<<<<< HEAD
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
    if options.residual == "hyper":
        return HyperConnections(model.dim, options, sum_streams=model.upstream_compat)
    if options.residual == "gated_multi":
        return GatedStreams(model.dim, options)
    if options.residual == "mv_split":
        return SingleStream(functools.partial(MeanVarianceConnection, causal=causal), model.dim, options)
    return SingleStream(SINGLE[options.residual], model.dim, options)


__all__ = ["HyperConnections", "ResidualScheme", "SingleStream", "Views", "make_residuals"]
=======
def make_residuals(model: ModelOptions, options: ResidualOptions) -> ResidualScheme:
    """Build the residual scheme that the options name."""
    part, settings = find_part("residual", options.residual)
    if isinstance(part, type) and issubclass(part, Connection):
        return SingleStream(functools.partial(part, **settings), model.dim, options)
    scheme: ResidualScheme = make_part("residual", options.residual, model, options)
    return scheme


__all__ = ["Connection", "HyperConnections", "PlainConnection", "ResidualScheme", "SingleStream", "make_residuals"]
>>>>>>> main
