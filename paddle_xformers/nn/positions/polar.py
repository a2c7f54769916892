"""Polar positions (PoPE, 2509.10534): what a token is makes lengths, where it stands makes angles.

Each feature of queries and keys becomes a point of the plane. Its length is the softplus of the feature, its angle the
position times the feature's frequency, so that contents and distances never mix. Products of queries and keys are then
`sum of |q| |k| cos(angle of q - angle of k - bias)`, with a learned bias for each head and feature.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Constant, Uniform

from ...config.options import PositionOptions
from .rotary import Angles, Rotary

BASE = 10000.0
LEAST_BIAS = -2 * math.pi  # what the bias is clipped to; the most is 0


class Polar(nn.Layer):
    """Makes points of queries and keys; it stands where `Rotary` stands.

    The bias turns queries, not keys as in x-transformers: the products are the same, and heads may share keys.

    Args:
        heads: Number of heads.
        features: Width of the widest queries and keys.
        options: The position fields.
    """

    fades = True  # queries and keys have angles of their own
    turns_values = False
    widens = 2  # how many times as wide keys become

    def __init__(self, heads: int, features: int, options: PositionOptions) -> None:
        super().__init__()
        rates = BASE ** (-np.arange(features) / features)
        self.register_buffer("rates", paddle.to_tensor(rates, "float32"), persistable=False)  # (w)
        start = Uniform(LEAST_BIAS, 0.0) if options.polar_bias_uniform_init else Constant(0.0)
        self.bias = self.create_parameter([heads, 1, features], default_initializer=start)

    def angles(self, positions: Tensor, *, batch: int, heads: int, dtype: Any, of_keys: bool = False) -> Angles:
        """Compute cosines and sines of (b or 1, n) positions, in float32 whatever the model's dtype.

        Args:
            positions: Integer positions.
            batch: Batch size to write them out to.
            heads: Number of heads to write them out to.
            dtype: Type of the queries and keys; theirs, for the points are made in float32.
            of_keys: Whether they are for keys, which the bias leaves alone.
        """
        turned = (positions.astype("float32").unsqueeze(-1) * self.rates).unsqueeze(1)  # (b or 1, 1, n, w)
        if not of_keys:
            turned = turned - self._clipped_bias()  # (b or 1, h, n, w)
        cos, sin = (part.expand([batch, heads, -1, -1]).contiguous() for part in (turned.cos(), turned.sin()))
        return Angles(cos, sin)

    def turn(self, x: Tensor, angles: Angles, last: int | None = None) -> Tensor:
        """Make points of queries or keys, twice as wide; fewer heads or features take the first angles.

        Args:
            x: (b, heads, n, w), or (b, heads, w, n) when feature-major.
            angles: Those of the tokens.
            last: Always None: all heads are turned.
        """
        axis = 2 if angles.feature_major else 3
        heads, width = x.shape[1], x.shape[axis]
        cos, sin = angles.cos[:, :heads], angles.sin[:, :heads]
        if width < self.rates.shape[0]:
            cos, sin = (part[:, :, :width] if angles.feature_major else part[..., :width] for part in (cos, sin))
        lengths = F.softplus(x.astype("float32"))
        return paddle.concat([lengths * cos, lengths * sin], axis=axis).astype(x.dtype)

    def _clipped_bias(self) -> Tensor:
        """The bias between a full turn back and 0, (h, 1, w); at the bounds, where it starts, it still learns."""
        bias = self.bias.astype("float32")
        clipped = bias.detach().clip(LEAST_BIAS, 0.0)
        return paddle.where(clipped == bias, bias, clipped)


# What a stack turns queries and keys with.
Turning = Rotary | Polar
