"""Conditions: vectors from outside, such as those of a class or a diffusion step, that norms and scales depend on."""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Constant

from ..config.options import NormOptions
from ..errors import InputError
from .linear import Linear
from .silu import silu
from .sizes import sizes


class Condition(nn.Layer):
    """Makes, once a forward, what all conditioned parts of a stack read: a vector for each place, or one for all.

    With `adaptive_condition_mlp` the vectors first go through a linear without bias and SiLU (2212.09748).

    Args:
        dim: Width of the residual stream.
        options: The norm fields.
    """

    def __init__(self, dim: int, options: NormOptions) -> None:
        super().__init__()
        self.proj = None
        if options.adaptive_condition_mlp:
            self.proj = Linear(options.dim_condition or dim, options.condition_width(dim))

    def forward(self, condition: Tensor, x: Tensor) -> Tensor:
        """Prepare the condition of the caller.

        Args:
            condition: (b, c), or (b, n, c) for the last n places.
            x: The input of the stack, (b, t + n, d): what stands in front of the tokens has the condition 0.

        Returns:
            (b, 1, w) or (b, t + n, w).
        """
        condition = condition.astype(x.dtype)
        if condition.ndim == 2:
            condition = condition.unsqueeze(1)
        else:
            b, n, c = sizes(condition)
            missing = sizes(x)[1] - n
            if not (isinstance(missing, int) and missing == 0):
                condition = paddle.concat([paddle.zeros([b, missing, c], dtype=x.dtype), condition], axis=1)
        return condition if self.proj is None else silu(self.proj(condition))


class AdaptiveNorm(nn.Layer):
    """A norm whose gain is `1 + W c` of a condition c, in place of a learned one; W starts at 0.

    Args:
        dim: Width of the last axis.
        condition_width: Width of the condition.
        plain: The norm without gains.
    """

    def __init__(self, dim: int, condition_width: int, plain: nn.Layer) -> None:
        super().__init__()
        self.plain = plain
        self.proj = Linear(condition_width, dim, zero_init=True)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Normalise `x`.

        Args:
            x: (b, n, dim), or (b, n, s, dim) of several streams.
            condition: (b, 1 or n, w).

        Raises:
            InputError: If there is no condition.
        """
        if condition is None:
            raise InputError("an adaptive norm got no condition; pass condition, (batch, dim_condition)")
        return self.plain(x) * along(self.proj(condition) + 1.0, x)


class AdaptiveLayerScale(nn.Layer):
    """Scales a branch output by `sigmoid(W c + b)` of a condition c (AdaLN-zero, 2212.09748); W starts at 0.

    Args:
        dim: Width of the last axis.
        condition_width: Width of the condition.
        bias: Where b starts; a low one lets every branch start as little.
    """

    def __init__(self, dim: int, condition_width: int, bias: float) -> None:
        super().__init__()
        self.proj = Linear(condition_width, dim, bias=True, zero_init=True)
        Constant(bias)(self.proj.bias)

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Scale `x`, (b, n, dim), by the factors of `condition`, (b, 1 or n, w).

        Raises:
            InputError: If there is no condition.
        """
        if condition is None:
            raise InputError("an adaptive layer scale got no condition; pass condition, (batch, dim_condition)")
        return x * along(F.sigmoid(self.proj(condition)), x)


def along(factors: Tensor, x: Tensor) -> Tensor:
    """Give factors, (b, 1 or n, d), the axes that x, (b, n, ..., d), has between places and features."""
    between = list(range(2, x.ndim - factors.ndim + 2))
    return factors.unsqueeze(between) if between else factors
