"""Dynamic position bias (CrossFormer, 2111.09883): a small network reads the distance and gives each head its bias."""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from ...config.options import PositionOptions
from ..linear import Linear
from ..norms.layernorm import LayerNorm
from ..silu import silu


class DynamicBias(nn.Layer):
    """Bias by signed distance, for any distance: nothing is looked up that was not learned.

    Args:
        heads: Number of heads.
        options: The position fields, the width of the network's hidden layers among them.
        reach: Distances beyond it, forwards or backwards, count as this; None: none do.
    """

    def __init__(self, heads: int, options: PositionOptions, reach: int | None = None) -> None:
        super().__init__()
        self.log_distance = options.dynamic_pos_bias_log_distance
        self.reach = reach
        depth, norm = options.dynamic_pos_bias_mlp_depth, options.dynamic_pos_bias_norm
        dim = options.dynamic_pos_bias_dim or 1
        self.hidden = nn.LayerList([_Hidden(dim if at else 1, dim, norm, norm_bias=at > 0) for at in range(depth)])
        self.proj = Linear(dim, heads, bias=True)

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias, (b or 1, h, n, m), from positions (b or 1, n) and (b or 1, m)."""
        distances = q_positions.unsqueeze(2) - k_positions.unsqueeze(1)  # (b or 1, n, m)
        reach = self.reach
        if reach is None:
            return self._network(distances.clip(*_ANY)).transpose([0, 3, 1, 2])
        distances = distances.clip(-reach, reach)
        if -1 not in distances.shape and distances.size <= 2 * reach + 1:  # a step of decoding, say
            return self._network(distances).transpose([0, 3, 1, 2])
        table = self._network(paddle.arange(-reach, reach + 1))  # (2 reach + 1, h)
        return F.embedding(distances + reach, table).transpose([0, 3, 1, 2])

    def _network(self, distances: Tensor) -> Tensor:
        """From integers, (...), to a bias for each head, (..., h)."""
        far = distances.astype("float32")
        if self.log_distance:
            far = far.sign() * (far.abs() + 1).log()
        x = far.unsqueeze(-1)
        for layer in self.hidden:
            x = layer(x)
        bias: Tensor = self.proj(x)
        return bias


# Padding stands far off any token; where no reach is known, this keeps its distances from blowing up the network.
_ANY = (-(2**20), 2**20)


class _Hidden(nn.Layer):
    """A linear, a norm if wanted, and a SiLU."""

    def __init__(self, width_in: int, width: int, norm: bool, *, norm_bias: bool) -> None:
        super().__init__()
        self.proj = Linear(width_in, width, bias=True)
        self.norm = LayerNorm(width, bias=norm_bias) if norm else None

    def forward(self, x: Tensor) -> Tensor:
        """From (..., i) to (..., w)."""
        x = self.proj(x)
        return silu(x if self.norm is None else self.norm(x))
