"""Hyper-connections (2409.19606) with a doubly stochastic mix of the streams (2512.24880).

Several copies of the residual stream run side by side. Each layer learns, a token at a time, how much to read
from every stream, how to mix the streams, and how strongly to write its output to each. Sinkhorn's iteration keeps
rows and columns of the mix at sum 1, so that depth neither blows up nor starves a stream.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import Tensor
from paddle.nn import functional as F
from paddle.nn.initializer import Assign, Constant

from ...config.options import ResidualOptions
from ..norms.layernorm import LayerNorm
from .base import Connection, Views
from .streams import ManyStreams


def sinkhorn(logits: Tensor, iterations: int) -> Tensor:
    """Turn matrices of logits, (..., s, s), into nearly doubly stochastic ones.

    Args:
        logits: Logarithms of the unnormalised entries.
        iterations: How often rows, then columns, are brought to sum 1.
    """
    for _ in range(iterations):
        logits = logits - logits.logsumexp(axis=-1, keepdim=True)
        logits = logits - logits.logsumexp(axis=-2, keepdim=True)
    return logits.exp()


class HyperConnection(Connection):
    """Reading, mixing and writing of one layer.

    Args:
        dim: Width of a stream.
        options: The residual fields.
        layer_index: The layer's index; it starts by reading mostly stream `layer_index % streams`.
        views: How many readings its branch wants.
        sum_streams: Make every stream the sum of all, as x-transformers 2.31 does.
    """

    def __init__(self, dim: int, options: ResidualOptions, layer_index: int, views: int, *, sum_streams: bool) -> None:
        super().__init__()
        streams = options.num_residual_streams
        self.views = views
        self.iterations = options.hyper_conn_sinkhorn_iters
        self.sum_streams = sum_streams
        read = np.zeros((streams, views), dtype="float32")
        read[layer_index % streams] = 1.0
        static = np.concatenate([read, np.eye(streams, dtype="float32")], axis=1)
        self.norm = LayerNorm(dim)
        self.static_alpha = self._parameter([streams, views + streams], Assign(static))
        self.dynamic_alpha = self._parameter([dim, views + streams], Constant(0.0))
        self.dynamic_alpha_scale = self._parameter([1], Constant(0.01))
        self.static_beta = self._parameter([streams], Constant(1.0))
        self.dynamic_beta = self._parameter([dim, 1], Constant(0.0))
        self.dynamic_beta_scale = self._parameter([1], Constant(0.01))

    def _parameter(self, shape: list[int], initializer: Any) -> Tensor:
        return self.create_parameter(shape, default_initializer=initializer)

    def read(self, streams: Tensor) -> tuple[Views, Any]:
        """Return the weighted sum of the streams for each view, and the mixed streams with the writing weights."""
        normed = self.norm(streams)  # (b, n, s, d)
        alpha = paddle.matmul(normed, self.dynamic_alpha) * self.dynamic_alpha_scale + self.static_alpha
        gates = F.sigmoid(alpha[..., : self.views]).split(self.views, axis=-1)  # (b, n, s, 1) each
        read = tuple((gate * streams).sum(axis=2) for gate in gates)  # (b, n, d) each
        mixed = self._mix(alpha[..., self.views :], streams)  # (b, n, s, d)
        dynamic = F.sigmoid(paddle.matmul(normed, self.dynamic_beta)) * 2 * self.dynamic_beta_scale
        beta = F.sigmoid(dynamic + self.static_beta.unsqueeze(-1)) * 2  # (b, n, s, 1)
        return read, (mixed, beta)

    def _mix(self, logits: Tensor, streams: Tensor) -> Tensor:
        if self.sum_streams:
            return streams.sum(axis=2, keepdim=True).expand_as(streams)
        return paddle.matmul(sinkhorn(logits, self.iterations), streams, transpose_x=True)

    def write(self, streams: Tensor, output: Tensor, seen: Any) -> Tensor:
        """Add the branch output to every mixed stream, with that stream's weight."""
        mixed, beta = seen
        return mixed + beta * output.unsqueeze(2)


class HyperConnections(ManyStreams):
    """Streams with learned reading, mixing and writing.

    Args:
        dim: Width of a stream.
        options: The residual fields.
        sum_streams: See `HyperConnection`.
    """

    def __init__(self, dim: int, options: ResidualOptions, *, sum_streams: bool = False) -> None:
        super().__init__(dim, options)
        self.sum_streams = sum_streams

    def connection(self, layer_index: int, views: int = 1) -> Connection:
        """Build the connection of one layer."""
        return HyperConnection(self.dim, self.options, layer_index, views, sum_streams=self.sum_streams)
