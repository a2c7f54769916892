"""Gated multi residual: several streams, read feature by feature through gates, written with a strength for each.

The idea is of the Qwen team (https://qwen.ai/blog?id=qwen3.8-flash-next); what is read is normed already, so that
layers have no norm of their own in front of the branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from paddle import Tensor
from paddle.nn import functional as F
from paddle.nn.initializer import Assign, Constant

from ...config.options import ResidualOptions
from ..linear import Linear
from ..silu import silu
from .base import Connection, Views
from .streams import ManyStreams

EPSILON = 1.1920929e-07  # of float32, added to the mean square


class GatedConnection(Connection):
    """Reading and writing of one layer; the streams themselves pass unchanged.

    Args:
        dim: Width of a stream.
        options: The residual fields.
        layer_index: The layer's index; it starts by reading mostly stream `layer_index % streams`.
        views: How many readings its branch wants.
    """

    def __init__(self, dim: int, options: ResidualOptions, layer_index: int, views: int) -> None:
        super().__init__()
        self.streams = streams = options.num_residual_streams
        self.views = views
        rank = options.read_gate_rank
        own = np.zeros((views, streams, dim), dtype="float32")
        own[:, layer_index % streams] = 1.0
        self.read_gain = self.create_parameter([streams, dim], default_initializer=Constant(1.0))
        self.static_read = self.create_parameter([views, streams, dim], default_initializer=Assign(own))
        self.static_write = self.create_parameter([streams], default_initializer=Constant(0.0))
        self.down_proj = Linear(dim * streams, rank)
        self.read_proj = Linear(rank, dim * streams * views, zero_init=True)
        self.write_proj = Linear(rank, streams, zero_init=True)
        self.dynamic_scale = self.create_parameter([1], default_initializer=Constant(0.01))

    def read(self, streams: Tensor) -> tuple[Views, Any]:
        """Return the gated mean of the normed streams for each view, and the writing weights, (b, n, s, 1)."""
        s, d = streams.shape[2:]
        mean_square = (streams * streams).mean(axis=-1, keepdim=True)
        normed = streams * (mean_square + EPSILON).rsqrt() * self.read_gain  # (b, n, s, d)
        hidden = silu(self.down_proj(normed.reshape([0, 0, s * d]) / s)) * self.dynamic_scale  # (b, n, r)
        gates = F.sigmoid(self.read_proj(hidden).reshape([0, 0, self.views, s, d]) + self.static_read)
        read = (gates * normed.unsqueeze(2)).sum(axis=3) / s  # (b, n, views, d)
        beta = F.sigmoid(self.write_proj(hidden) + self.static_write) * 2
        return tuple(read.unbind(axis=2)), beta.unsqueeze(-1)

    def write(self, streams: Tensor, output: Tensor, seen: Any) -> Tensor:
        """Add the branch output to every stream, with that stream's weight."""
        return streams + seen * output.unsqueeze(2)


class GatedStreams(ManyStreams):
    """Streams with gates on reading and writing."""

    def connection(self, layer_index: int, views: int = 1) -> Connection:
        """Build the connection of one layer."""
        return GatedConnection(self.dim, self.options, layer_index, views)
