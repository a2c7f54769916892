"""ALiBi (2108.12409): a penalty on the scores that grows with the distance, with a slope for each head."""

from __future__ import annotations

import math

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Assign

from ..attention.cache import PADDING


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
        slopes: Their slopes; None: a geometric series.
    """

    def __init__(self, heads: int, alibi_heads: int | None = None, slopes: tuple[float, ...] | None = None) -> None:
        super().__init__()
        sloped = heads if alibi_heads is None else alibi_heads
        steep = [*(slopes or alibi_slopes(sloped)), *[0.0] * (heads - sloped)]
        self.register_buffer("slopes", paddle.to_tensor(steep, "float32"), persistable=False)  # (h)

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias, (b or 1, h, n, m), from positions (b or 1, n) and (b or 1, m)."""
        return _bias(self.slopes, _distance(q_positions, k_positions))


class LearnedALiBi(nn.Layer):
    """ALiBi whose slopes are learned: the parameter holds their logarithms, so that they stay above zero.

    Args:
        heads: Number of heads.
        alibi_heads: How many of them, from the first, get a bias; None: all.
        slopes: The slopes they start from; None: a geometric series.
    """

    def __init__(self, heads: int, alibi_heads: int | None = None, slopes: tuple[float, ...] | None = None) -> None:
        super().__init__()
        sloped = heads if alibi_heads is None else alibi_heads
        self.flat = heads - sloped
        start = Assign(np.log(np.array(slopes or alibi_slopes(sloped), dtype="float32")))
        self.log_slopes = self.create_parameter([sloped], default_initializer=start)

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        """Return the bias, (b or 1, h, n, m), from positions (b or 1, n) and (b or 1, m)."""
        slopes = self.log_slopes.astype("float32").exp()
        if self.flat:
            slopes = paddle.concat([slopes, paddle.zeros([self.flat])])  # (h)
        distance = _distance(q_positions, k_positions)
        # Padding is so far off that its distances would drown the gradient of the slopes.
        far = distance > -PADDING // 2
        return _bias(slopes, paddle.where(far, paddle.zeros([1]), distance))


def _distance(q_positions: Tensor, k_positions: Tensor) -> Tensor:
    """How far each query is from each key, (b or 1, n, m)."""
    ahead = k_positions.unsqueeze(1) - q_positions.unsqueeze(2)
    return ahead.astype("float32").abs()  # in this order: Paddle Inference loses the abs of a difference of integers


def _bias(slopes: Tensor, distance: Tensor) -> Tensor:
    """The bias, (b or 1, h, n, m), of (h) slopes and (b or 1, n, m) distances."""
    return -slopes.reshape([1, -1, 1, 1]) * distance.unsqueeze(1)
