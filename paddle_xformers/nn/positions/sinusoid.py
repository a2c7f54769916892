"""Sines and cosines of the positions (1706.03762).

They are added to the embeddings, or by position infused attention (2012.15832).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Constant


class Sinusoid(nn.Layer):
    """A fixed vector for every position, also a negative one: sines in the first half, cosines in the second.

    Feature i of each half turns `10000 ** (-2 i / dim)` a position. An odd width has one sine more.

    Args:
        dim: Width of the vectors.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.dim = dim
        rates = 10000.0 ** (-np.arange(0, dim, 2, dtype="float64") / dim)
        self.register_buffer("rates", paddle.to_tensor(rates, "float32"), persistable=False)  # (d / 2)

    def forward(self, positions: Tensor, dtype: Any) -> Tensor:
        """Return the vectors of (b or 1, n) positions, (b or 1, n, d), computed in float32.

        Args:
            positions: Integer positions.
            dtype: Type of the result.
        """
        turned = positions.astype("float32").unsqueeze(-1) * self.rates  # (b or 1, n, d / 2)
        return paddle.concat([turned.sin(), turned.cos()[..., : self.dim // 2]], axis=-1).astype(dtype)


class ScaledSinusoid(Sinusoid):
    """Sinusoids times one learned factor, which starts at 1 / sqrt(dim).

    Args:
        dim: Width of the vectors.
    """

    def __init__(self, dim: int) -> None:
        super().__init__(dim)
        self.scale = self.create_parameter([1], default_initializer=Constant(dim**-0.5))

    def forward(self, positions: Tensor, dtype: Any) -> Tensor:
        """Return the scaled vectors of (b or 1, n) positions, (b or 1, n, d).

        Args:
            positions: Integer positions.
            dtype: Type of the result.
        """
        return super().forward(positions, dtype) * self.scale
