"""Value residual (2410.17897): later layers mix the values of the first attention layer into their own."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn import functional as F

from ..linear import Linear


class ValueResidual(nn.Layer):
    """`first + share * (own - first)`, with a share for each token and head, or one half.

    Args:
        dim: Width of the input the share is computed from.
        kv_heads: Number of key/value heads.
        learned: Whether the share is learned.
    """

    def __init__(self, dim: int, kv_heads: int, *, learned: bool) -> None:
        super().__init__()
        self.mix_proj = Linear(dim, kv_heads, bias=True) if learned else None

    def forward(self, own: Tensor, first: Tensor, kv_input: Tensor) -> Tensor:
        """Mix the layer's own values with those of the first layer, both (b, g, m, k).

        Args:
            own: Values of this layer.
            first: Values of the first layer.
            kv_input: What both keys and values were projected from, (b, m, d).
        """
        if self.mix_proj is None:
            return (own + first) * 0.5
        share = F.sigmoid(self.mix_proj(kv_input))  # (b, m, g)
        return first + share.transpose([0, 2, 1]).unsqueeze(-1) * (own - first)
