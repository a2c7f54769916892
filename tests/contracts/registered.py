"""Parts that a user might register, one for each socket: the contracts run over them as over our own."""

from __future__ import annotations

import math
from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Constant

from paddle_xformers import register_part
from paddle_xformers.nn.linear import Linear
from paddle_xformers.nn.residuals import PlainConnection


@register_part("norm", "peak_norm")
class PeakNorm(nn.Layer):
    """Divides by the largest feature."""

    def __init__(self, dim: int, options: Any, *, floor: float = 1e-3) -> None:
        super().__init__()
        self.floor = floor
        self.weight = self.create_parameter([dim], default_initializer=Constant(1.0))

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        return x / (x.abs().max(axis=-1, keepdim=True) + self.floor) * self.weight


@register_part("position_embedding", "zigzag")
class Zigzag(nn.Layer):
    """A line that goes up and down with the position, times learned factors."""

    def __init__(self, width: int, options: Any, *, period: int = 8) -> None:
        super().__init__()
        self.period = period
        self.scale = self.create_parameter([width], default_initializer=Constant(0.1))

    def forward(self, positions: Tensor, dtype: Any) -> Tensor:
        phase = positions.astype("float32") % self.period / self.period  # (b or 1, n)
        return ((phase - 0.5).abs().unsqueeze(-1) * self.scale).astype(dtype)  # (b or 1, n, e)


@register_part("position_bias", "logarithmic")
class LogarithmicBias(nn.Layer):
    """Falls with the logarithm of the distance (KERPLE, 2205.09921)."""

    def __init__(self, options: Any, attention: Any, causal: bool) -> None:
        super().__init__()
        self.slopes = self.create_parameter([attention.heads, 1, 1], default_initializer=Constant(1.0))

    def forward(self, q_positions: Tensor, k_positions: Tensor) -> Tensor:
        distance = (k_positions.unsqueeze(1) - q_positions.unsqueeze(2)).astype("float32").abs()  # (b or 1, n, m)
        return -self.slopes * (1 + distance).log().unsqueeze(1)


@register_part("residual", "leaky")
class LeakyConnection(PlainConnection):
    """A learned share of each feature of the residual gives way to the branch."""

    def __init__(self, dim: int, options: Any) -> None:
        super().__init__(dim, options)
        self.leak = self.create_parameter([dim], default_initializer=Constant(-3.0))

    def merge(self, residual: Tensor, output: Tensor) -> Tensor:
        leak = F.sigmoid(self.leak)
        return residual * (1 - leak) + output * leak


@register_part("attn_normalizer", "rectified")
def rectified(scores: Tensor, *, power: int = 2) -> Tensor:
    positive = F.relu(scores.astype("float32")) ** power
    return positive / (positive.sum(axis=-1, keepdim=True) + 1e-3)


@register_part("attn_normalizer", "tempered")
class Tempered(nn.Layer):
    """Softmax with a learned temperature for each head."""

    def __init__(self, options: Any) -> None:
        super().__init__()
        self.heat = self.create_parameter([options.heads, 1, 1], default_initializer=Constant(0.0))

    def forward(self, scores: Tensor) -> Tensor:
        return F.softmax(scores.astype("float32") * self.heat.exp(), axis=-1)


@register_part("ff_activation", "snake")
def snake(x: Tensor, *, frequency: float = 1.0) -> Tensor:
    """x + sin(f x) ** 2 / f (2006.08195)."""
    return x + (x * frequency).sin() ** 2 / frequency


@register_part("ff_activation", "scaled_tanh")
class ScaledTanh(nn.Layer):
    """A hyperbolic tangent with a learned height."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.height = self.create_parameter([width], default_initializer=Constant(1.0))

    def forward(self, x: Tensor) -> Tensor:
        return paddle.tanh(x) * self.height


@register_part("ff_layer", "two_experts")
class TwoExperts(nn.Layer):
    """Each token goes through two small layers, by a learned share."""

    def __init__(self, dim: int, options: Any, *, width: int = 16) -> None:
        super().__init__()
        self.router = Linear(dim, 2)
        self.first, self.second = Linear(dim, width, bias=True), Linear(dim, width, bias=True)
        self.down_proj = Linear(width, dim, bias=True)

    def forward(self, x: Tensor) -> Tensor:
        share = F.softmax(self.router(x), axis=-1)
        inner = F.gelu(self.first(x)) * share[..., :1] + F.silu(self.second(x)) * share[..., 1:]
        return self.down_proj(inner) / math.sqrt(2)


# Values of the field, by socket; the settings of a part may stand beside its name.
REGISTERED: dict[str, tuple[Any, ...]] = {
    "norm": ({"name": "peak_norm", "floor": 0.5},),
    "position_embedding": ("zigzag",),
    "position_bias": ("logarithmic",),
    "residual": ("leaky",),
    "attn_normalizer": ({"name": "rectified", "power": 1}, "tempered"),
    "ff_activation": ({"name": "snake", "frequency": 2}, "scaled_tanh"),
    "ff_layer": ("two_experts", {"name": "two_experts", "width": 8}),
}
