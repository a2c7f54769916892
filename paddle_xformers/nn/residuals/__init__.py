"""How branches read from and write to the residual stream, by name."""

from __future__ import annotations

import functools

from ...config.options import ModelOptions, ResidualOptions
from ...config.registry import find_part, make_part, provide
from .base import Connection, ResidualScheme
from .gru import GRUConnection
from .hyper import HyperConnections
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


def make_residuals(model: ModelOptions, options: ResidualOptions) -> ResidualScheme:
    """Build the residual scheme that the options name."""
    part, settings = find_part("residual", options.residual)
    if isinstance(part, type) and issubclass(part, Connection):
        return SingleStream(functools.partial(part, **settings), model.dim, options)
    scheme: ResidualScheme = make_part("residual", options.residual, model, options)
    return scheme


__all__ = ["Connection", "HyperConnections", "PlainConnection", "ResidualScheme", "SingleStream", "make_residuals"]
