"""ALiBi (2108.12409): a penalty on the scores that grows with the distance, with a slope for each head."""

from __future__ import annotations

import math

import paddle
from paddle import Tensor, nn


def alibi_slopes(heads: int) -> list[float]:
    """Return the slopes of `heads` heads: a geometric series, filled up between powers of two.

    Args:
        heads: Number of heads.
    """
    power = 2 ** math.floor(math.log2(heads))
    slopes = [2 ** (-8 * (i + 1) / power) for i in range(power)]
    between = [2 ** (-4 * (2 * i + 1) / power) for i in range(heads - power)]
    return slopes + between


class ALiBi(nn.Layer):
    """Bias `-slope * |key position - query position|`; symmetric, so it serves encoders too.

    Args:
        heads: Number of heads.
        alibi_heads: How many of them, from the first, get a bias; None: all.
    """

    def __init__(self, heads: int, alibi_heads: int | None = None) -> None:
        super().__init__()
        sloped = heads if alibi_heads is None else alibi_heads
        slopes = alibi_slopes(sloped) + [0.0] * (heads - sloped)
        self.register_buffer("slopes", paddle.to_tensor(slopes, "float32"), persistable=False)  # (h)

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias, (b or 1, h, n, m), from positions (b or 1, n) and (b or 1, m)."""
        # Floats first: the absolute value of integers, as Paddle Inference computes it on the CPU, is wrong.
        distance = (k_positions.unsqueeze(1) - q_positions.unsqueeze(2)).astype("float32").abs()  # (b, n, m)
        return -self.slopes.reshape([1, -1, 1, 1]) * distance.unsqueeze(1)
