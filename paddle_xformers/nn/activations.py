"""Activations of the feed-forward layer, by name."""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from ..config.options import FeedForwardOptions
from ..config.registry import make_function, provide
from .norms import LayerNorm
from .silu import silu
from .softclamp import softclamp


def relu_squared(x: Tensor) -> Tensor:
    """max(x, 0) squared (2109.08668)."""
    positive = F.relu(x)
    return positive * positive


class SoLU(nn.Layer):
    """`x * softmax(x)`, normed: features of a token compete (Elhage et al., Softmax Linear Units, 2022).

    Args:
        dim: Width of the last axis.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.norm = LayerNorm(dim)

    def forward(self, x: Tensor) -> Tensor:
        """Activate `x`, (..., dim)."""
        return self.norm(F.softmax(x, axis=-1) * x)


class ClampedGate(nn.Layer):
    """GELU or SiLU whose linear factor is softly clamped (2607.24653).

    Args:
        name: `gelu` or `silu`.
        value: Bound of the linear factor.
    """

    def __init__(self, name: str, value: float) -> None:
        super().__init__()
        self.share = CUMULATIVE[name]
        self.value = value

    def forward(self, x: Tensor) -> Tensor:
        """Activate `x`, any tensor."""
        return softclamp(x, self.value) * self.share(x)


provide(
    "ff_activation",
    {
        "gelu": F.gelu,
        "gelu_tanh": lambda x: F.gelu(x, approximate=True),
        "relu": F.relu,
        "relu_squared": relu_squared,
        "silu": silu,
        "sigmoid": F.sigmoid,
        "tanh": paddle.tanh,
        "mish": F.mish,
        "softplus": F.softplus,
        "elu": F.elu,
        "leaky_relu": F.leaky_relu,
        "identity": lambda x: x,
        "solu": SoLU,
    },
)

# What x is multiplied with in an activation of the form x * share(x).
CUMULATIVE: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": lambda x: (paddle.erf(x * 0.5**0.5) + 1) * 0.5,  # the normal distribution's
    "silu": F.sigmoid,
}


def make_activation(dim: int, options: FeedForwardOptions) -> Callable[[Tensor], Tensor]:
    """Return the activation that the options name.

    Args:
        dim: Width of what it activates.
        options: The feed-forward fields of a layer.
    """
    if options.ff_glu and options.ff_glu_softclamp:
        return ClampedGate(options.ff_activation, options.ff_glu_gate_softclamp_value)
    return make_function("ff_activation", options.ff_activation, dim)
