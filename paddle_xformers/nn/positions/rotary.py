"""Rotary positions (2104.09864): each pair of features of queries and keys turns by an angle of its position.

The turned vector is `x * cos + (x R) * sin`, where R swaps the two features of a pair and negates one. As a
product with a constant it serves both layouts of pairs and any number of rotated features alike; features
that are not rotated have cos = 1 and sin = 0.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
from numpy.typing import NDArray
from paddle import Tensor, nn

from ...config.options import PositionOptions
from ..attention.cache import PADDING

MOST_FADING = 80.0  # exp(80) is still a float32


@dataclass(frozen=True)
class Angles:
    """Cosines and sines of one call, written out over batch and heads: broadcasting is slow on the CPU.

    Args:
        cos: (b, h, n, w), or (b, h, w, n) when feature-major.
        sin: Same shape.
        feature_major: Which of the two.
    """

    cos: Tensor
    sin: Tensor
    feature_major: bool = False

    @functools.cached_property
    def as_feature_major(self) -> Angles:
        """The same angles with features before tokens; every layer of a forward asks for them."""
        cos, sin = (part.transpose([0, 1, 3, 2]).contiguous() for part in (self.cos, self.sin))
        return Angles(cos, sin, feature_major=True)


class Rotary(nn.Layer):
    """Turns the first features of each head, or of the last heads (2405.04434).

    Longer sequences than in training: the base may be rescaled (2309.00071), positions divided (2306.15595).
    Queries and keys may also fade with distance (xPos, 2212.10554).

    Args:
        head_dim: Width of a head.
        options: The position fields.
        features: Width of the widest queries and keys; None: head_dim.
    """

    def __init__(self, head_dim: int, options: PositionOptions, features: int | None = None) -> None:
        super().__init__()
        self.features = features = head_dim if features is None else features
        self.turns_values = options.rotary_values
        width = options.rotary_width(head_dim)
        first, second = _pairs(width, options.rotary_layout)
        self.turned_heads = options.rotate_num_heads
        base = options.rotary_rescaled_base(width)
        frequencies = base ** (-np.arange(0, width, 2, dtype="float64") / width) / options.rotary_interpolation_factor
        rates = np.zeros(features)
        rates[first] = rates[second] = frequencies
        # xPos (2212.10554): the logarithm by which a feature fades a position.
        fading = np.zeros(features)
        if options.rotary_xpos:
            zeta = (np.arange(0, width, 2) + 0.4 * width) / (1.4 * width)
            fading[first] = fading[second] = np.log(zeta) / options.rotary_xpos_scale_base
        self.fades = options.rotary_xpos
        self.register_buffer("fading", paddle.to_tensor(fading, "float32"), persistable=False)  # (w)
        swap = np.zeros((features, features))
        swap[second, first] = -1.0
        swap[first, second] = 1.0
        self.register_buffer("rates", paddle.to_tensor(rates, "float32"), persistable=False)  # (w)
        self.register_buffer("swap", paddle.to_tensor(swap, "float32"), persistable=False)  # (w, w)

    def angles(self, positions: Tensor, *, batch: int, heads: int, dtype: Any, of_keys: bool = False) -> Angles:
        """Compute the angles of (b or 1, n) positions, in float32 whatever the model's dtype.

        Args:
            positions: Integer positions.
            batch: Batch size to write the angles out to.
            heads: Number of heads to write the angles out to.
            dtype: Type of the queries and keys.
            of_keys: Whether they are for keys, which with xPos grow as queries fade.
        """
        places = positions.astype("float32")
        turned = self._by_head(places, self.rates, heads)  # (b or 1, 1 or h, n, w)
        parts = (turned.cos(), turned.sin())
        if self.fades:
            # Measured from position 0, so that cached keys stay as they are; what is no token has no position.
            fade = self._by_head(paddle.where(positions > PADDING, places, paddle.zeros([1])), self.fading, heads)
            scale = ((-fade if of_keys else fade).clip(-MOST_FADING, MOST_FADING)).exp()
            parts = (parts[0] * scale, parts[1] * scale)
        shape = [batch, heads, -1, -1]
        cos, sin = (part.astype(dtype).expand(shape).contiguous() for part in parts)
        return Angles(cos, sin)

    def _by_head(self, places: Tensor, rates: Tensor, heads: int) -> Tensor:
        """Positions times rates, 0 in heads that are not rotated."""
        product = (places.unsqueeze(-1) * rates).unsqueeze(1)  # (b or 1, 1, n, w)
        if self.turned_heads is None:
            return product
        last = paddle.arange(heads) >= heads - self.turned_heads
        return product * last.astype("float32").reshape([heads, 1, 1])  # (b or 1, h, n, w)

    def turn(self, x: Tensor, angles: Angles, last: int | None = None) -> Tensor:
        """Turn queries, keys or values in the layout of the angles; fewer heads or features take the first of them.

        Args:
            x: (b, heads, n, w), or (b, heads, w, n) when feature-major.
            angles: Those of the tokens.
            last: How many heads, the last ones, are turned; None: all.
        """
        if last is not None and last < x.shape[1]:
            return paddle.concat([x[:, :-last], self.turn(x[:, -last:], angles)], axis=1)
        cos, sin, swap = angles.cos, angles.sin, self.swap
        if x.shape[1] != cos.shape[1]:
            cos, sin = cos[:, : x.shape[1]], sin[:, : x.shape[1]]
        width = x.shape[2 if angles.feature_major else 3]
        if width < self.features:
            cos, sin = (p[:, :, :width] if angles.feature_major else p[..., :width] for p in (cos, sin))
            swap = swap[:width, :width]
        swap = swap.astype(x.dtype)
        if angles.feature_major:
            swapped = paddle.matmul(swap, x, transpose_x=True)  # (b, h, w, n)
        else:
            swapped = paddle.matmul(x, swap)  # (b, h, n, w)
        return x * cos + swapped * sin


def _pairs(width: int, layout: str) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Indices of the first and of the second feature of each pair."""
    if layout == "half":
        return np.arange(width // 2), np.arange(width // 2, width)
    return np.arange(0, width, 2), np.arange(1, width, 2)
