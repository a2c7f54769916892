"""Learned sinks (gpt-oss, 2508.10925): each head may put its weight on nothing at all."""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn.initializer import Constant

from ...sizes import sizes
from ..normalizers import Normalizer
from .base import AttentionPart, Site, Step


class LearnedSink(AttentionPart):
    """A learned score for each head takes part when weights are made, and its weight is then dropped.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.weight = self.create_parameter([site.options.heads], default_initializer=Constant(0.0))

    def normalized(self, scores: Tensor, step: Step, *, normalizer: Normalizer) -> Tensor:
        """Weights, (b, h, n, m), which sum to less than 1."""
        b, h, n, _ = sizes(scores)
        sink = self.weight.astype(scores.dtype).reshape([1, h, 1, 1]).expand([b, h, n, 1])
        return normalizer(paddle.concat([sink, scores], axis=-1))[..., 1:]
