"""How branches read from and write to the residual stream, by name."""

from __future__ import annotations

from ...config.options import ModelOptions, ResidualOptions
from .base import PlainResiduals, ResidualScheme
from .hyper import HyperConnections


def make_residuals(model: ModelOptions, options: ResidualOptions) -> ResidualScheme:
    """Build the residual scheme that the options name."""
    if options.residual == "hyper":
        return HyperConnections(
            model.dim,
            options.num_residual_streams,
            options.hyper_conn_sinkhorn_iters,
            sum_streams=model.upstream_compat,
        )
    return PlainResiduals()


__all__ = ["HyperConnections", "PlainResiduals", "ResidualScheme", "make_residuals"]
