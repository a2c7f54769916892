"""Learned absolute positions, added to the token embeddings."""

from __future__ import annotations

from paddle import ParamAttr, Tensor, nn
from paddle.nn.initializer import Normal


class LearnedPositions(nn.Embedding):
    """One learned vector a position, times a constant.

    Args:
        max_seq_len: Number of positions.
        dim: Width of the embedding.
        scale: Factor on the vectors; None: dim**-0.5.
    """

    def __init__(self, max_seq_len: int, dim: int, scale: float | None = None) -> None:
        super().__init__(max_seq_len, dim, weight_attr=ParamAttr(initializer=Normal(0.0, 1.0)))
        self.scale = dim**-0.5 if scale is None else scale

    def forward(self, position_ids: Tensor) -> Tensor:
        """Look up (b or 1, n) positions: (b or 1, n, e)."""
        return super().forward(position_ids) * self.scale
