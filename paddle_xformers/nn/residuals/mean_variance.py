"""Mean-variance split residuals (2605.06169): what all tokens share and what sets them apart count differently.

Of the branch output, what differs from its mean over the tokens is added with one learned factor for each feature, and
the mean itself takes the place of the residual's mean with another.

The mean is over all tokens of a row in a bidirectional stack, and over those up to each token in a causal one, where
x-transformers 2.31 takes it over later tokens too. Padding does not count.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor
from paddle.nn.initializer import Constant

from ...config.options import ResidualOptions
from ..attention.cache import State
from ..linear import Linear
from ..shift import Line
from ..sizes import sizes
from .single import PlainConnection


class MeanVarianceConnection(PlainConnection):
    """`residual + beta * (output - mean(output)) + alpha * (mean(output) - mean(residual))`.

    Args:
        dim: Width of the stream.
        options: The residual fields.
        causal: Whether the means are over the tokens up to each one.
    """

    looks_along = True

    def __init__(self, dim: int, options: ResidualOptions, *, causal: bool = False) -> None:
        super().__init__(dim, options)
        self.causal = causal
        self.keeps = 1 if causal else 0
        starts = {"alpha": options.mv_split_init_alpha, "beta": options.mv_split_init_beta}
        if options.mv_split_learned:
            self.alpha_proj, self.beta_proj = (_constant_linear(dim, start) for start in starts.values())
        else:
            for name, start in starts.items():
                setattr(self, name, self.create_parameter([dim], default_initializer=Constant(start)))
        self.learned = options.mv_split_learned

    def write_along(
        self, streams: Tensor, output: Tensor, seen: Any, line: Line | None, past: State
    ) -> tuple[Tensor, State]:
        """Merge the scaled stream and the branch output, both (b, n, d); kept are sums and their count, (b, 2d + 1)."""
        streams = self.scaled(streams)
        means, kept = self._means(paddle.concat([output, streams], axis=-1), line, past)
        mean_output, mean_residual = means.astype(output.dtype).chunk(2, axis=-1)  # (b, n or 1, d)
        alpha = self.alpha_proj(mean_output) if self.learned else self.alpha
        beta = self.beta_proj(mean_output) if self.learned else self.beta
        return streams + (output - mean_output) * beta + (mean_output - mean_residual) * alpha, kept

    def _means(self, x: Tensor, line: Line | None, past: State) -> tuple[Tensor, State]:
        """Means of (b, n, e) over the tokens, in float32: (b, n, e) if causal, else (b, 1, e)."""
        b, n, _ = sizes(x)
        valid = paddle.ones([b, n, 1]) if line is None else line.valid.astype("float32").unsqueeze(-1)
        counted = paddle.concat([x.astype("float32") * valid, valid], axis=-1)  # (b, n, e + 1)
        kept: State = ()
        if self.causal:
            sums = counted.cumsum(axis=1)
            sums = sums + past[0].unsqueeze(1) if past else sums
            kept = (sums[:, -1],)
        else:
            sums = counted.sum(axis=1, keepdim=True)
        return sums[..., :-1] / sums[..., -1:].clip(min=1.0), kept


def _constant_linear(dim: int, start: float) -> Linear:
    """A linear that gives the same number for everything at first."""
    linear = Linear(dim, dim, bias=True, zero_init=True)
    Constant(start)(linear.bias)
    return linear
