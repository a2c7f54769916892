"""How branches read from and write to the residual stream, by name."""

from __future__ import annotations

from ...config.options import ModelOptions, ResidualOptions
from .base import ResidualScheme
from .gru import GRUConnection
from .hyper import HyperConnections
from .orthogonal import OrthogonalConnection
from .rezero import ReZeroConnection
from .single import PlainConnection, SingleStream

SINGLE: dict[str, type[PlainConnection]] = {
    "plain": PlainConnection,
    "rezero": ReZeroConnection,
    "gru": GRUConnection,
    "orthogonal": OrthogonalConnection,
}


def make_residuals(model: ModelOptions, options: ResidualOptions) -> ResidualScheme:
    """Build the residual scheme that the options name."""
    if options.residual == "hyper":
        return HyperConnections(
            model.dim,
            options.num_residual_streams,
            options.hyper_conn_sinkhorn_iters,
            sum_streams=model.upstream_compat,
        )
    return SingleStream(SINGLE[options.residual], model.dim, options)


__all__ = ["HyperConnections", "ResidualScheme", "SingleStream", "make_residuals"]
