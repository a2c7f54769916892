"""Cog attention (2411.07176): a score's size says how much a key counts, its sign whether for or against."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ..masks import HIDDEN_BELOW
from ..normalizers import Normalizer
from .base import AttentionPart, Site, Step


class CogSigned(AttentionPart):
    """Makes weights of the scores without their signs, and gives the weights those signs.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()

    def normalized(self, scores: Tensor, step: Step, *, normalizer: Normalizer) -> Tensor:
        """Weights, (b, h, n, m), whose absolute values are those of the softmax."""
        size = paddle.where(scores > HIDDEN_BELOW, scores.abs(), scores)
        return normalizer(size) * paddle.sign(scores).detach()
