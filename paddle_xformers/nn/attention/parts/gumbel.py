"""Stochastic attention by the Gumbel-softmax (1611.01144): in training each query draws the key it attends to.

To the scores is added what makes the best of them a draw from their softmax. In evaluation nothing is drawn: what is
left is the most probable key, so that the same input gives the same output, with a cache and without.
"""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...sizes import sizes
from ..normalizers import Normalizer
from .base import AttentionPart, Site, Step

# The smallest number that noise is made of, so that its logarithm is finite.
LEAST = 1e-20


class GumbelSoftmax(AttentionPart):
    """Draws weights: a soft choice of a key, or a hard one with the gradient of the soft one.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.temperature = site.options.attn_gumbel_softmax_temp
        self.hard = site.options.attn_gumbel_softmax_hard

    def normalized(self, scores: Tensor, step: Step, *, normalizer: Normalizer) -> Tensor:
        """Weights, (b, h, n, m); their logarithms before the draw are kept if they are wanted, (b, h, n)."""
        scores = scores.astype("float32")
        noisy = scores + _noise(scores) if self.training else scores
        weights = F.softmax(noisy / self.temperature, axis=-1)
        drawn = noisy.argmax(axis=-1)  # (b, h, n)
        if step.call.log_probs:
            chances = F.log_softmax(scores, axis=-1)
            step.kept["log_probs"] = chances.take_along_axis(drawn.unsqueeze(-1), axis=-1).squeeze(-1)
        if not self.hard:
            return weights
        return weights + (F.one_hot(drawn, sizes(scores)[-1]) - weights).detach()


def _noise(like: Tensor) -> Tensor:
    """Gumbel noise of a shape."""
    uniform = paddle.uniform(sizes(like), min=0.0, max=1.0).clip(min=LEAST)
    return -(-uniform.log()).clip(min=LEAST).log()
