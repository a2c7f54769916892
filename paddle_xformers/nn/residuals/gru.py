"""Gated residual connections (1910.06764): a GRU cell decides how much of the branch replaces the residual."""

from __future__ import annotations

from paddle import Tensor, nn

from ...config.options import ResidualOptions
from ..sizes import sizes
from .single import PlainConnection


class GRUConnection(PlainConnection):
    """One step of a GRU: the branch output is its input, the residual its state.

    The cell is the usual one, its gates in the order reset, update, candidate. The bias that the paper adds to its
    update gate, so that a layer starts near the identity, is part of the cell's own biases and starts as they do.

    Args:
        dim: Width of the stream.
        options: The residual fields.
    """

    def __init__(self, dim: int, options: ResidualOptions) -> None:
        super().__init__(dim, options)
        self.gru = nn.GRUCell(dim, dim)

    def merge(self, residual: Tensor, output: Tensor) -> Tensor:
        """Return the new state of every token: both (b, n, d)."""
        d = residual.shape[-1]
        state, _ = self.gru(output.reshape([-1, d]), residual.reshape([-1, d]))  # (b * n, d)
        return state.reshape(sizes(residual))
