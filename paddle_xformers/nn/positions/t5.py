"""The relative position bias of T5 (1910.10683): one learned number for each head and bucket of distances."""

from __future__ import annotations

import math

import paddle
from paddle import ParamAttr, Tensor, nn
from paddle.nn.initializer import Normal


class T5Bias(nn.Layer):
    """Looks the distance of every query and key up in a table of buckets.

    Args:
        heads: Number of heads.
        num_buckets: Number of buckets.
        max_distance: Distance from which on all share the last bucket.
        scale: Factor on the table's numbers.
        causal: Whether keys only lie behind the query; else half of the buckets are for those ahead.
    """

    def __init__(self, heads: int, num_buckets: int, max_distance: int, scale: float, *, causal: bool = True) -> None:
        super().__init__()
        self.num_buckets = num_buckets
        self.max_distance = max_distance
        self.scale = scale
        self.both_ways = not causal
        self.table = nn.Embedding(num_buckets, heads, weight_attr=ParamAttr(initializer=Normal(0.0, 1.0)))

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias, (b or 1, h, n, m), from positions (b or 1, n) and (b or 1, m)."""
        behind = q_positions.unsqueeze(2) - k_positions.unsqueeze(1)  # (b, n, m)
        bias = self.table(self._bucket(behind)) * self.scale  # (b, n, m, h)
        return bias.transpose([0, 3, 1, 2])

    def _bucket(self, behind: Tensor) -> Tensor:
        """Small distances have a bucket each, larger ones share buckets that grow logarithmically."""
        buckets = self.num_buckets
        ahead = paddle.zeros_like(behind)
        if self.both_ways:
            buckets //= 2
            ahead = (behind < 0).astype("int64") * buckets
            behind = behind.abs()
        behind = behind.clip(min=0)
        exact = buckets // 2
        # Positions of padding are far off; clip before the logarithm so that its integer fits.
        far = behind.clip(min=exact, max=self.max_distance).astype("float32")
        growth = (far / exact).log() / math.log(self.max_distance / exact) * (buckets - exact)
        logarithmic = (growth.astype("int64") + exact).clip(max=buckets - 1)
        return ahead + paddle.where(behind < exact, behind, logarithmic)
