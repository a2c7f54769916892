"""Talking heads (2003.02436): heads mix their scores, or their weights, through a learned (h, h) matrix.

As in x-transformers the scores get the mix added to them, and both matrices start as the identity.
"""

from __future__ import annotations

import numpy as np
from paddle import Tensor, einsum
from paddle.nn.initializer import Assign

from .base import AttentionPart, Site, Step


class _HeadMix(AttentionPart):
    def __init__(self, site: Site) -> None:
        super().__init__()
        heads = site.options.heads
        identity = Assign(np.eye(heads, dtype="float32"))
        self.weight = self.create_parameter([heads, heads], default_initializer=identity)  # (to, from)

    def _mixed(self, t: Tensor) -> Tensor:
        return einsum("oh,bhnm->bonm", self.weight, t)


class PreTalkingHeads(_HeadMix):
    """Adds the mix of all heads' scores to each head's.

    Args:
        site: The attention layer around it.
    """

    def scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add the mixed scores."""
        return scores + self._mixed(scores)


class PostTalkingHeads(_HeadMix):
    """Replaces each head's weights by a mix of all heads'.

    Args:
        site: The attention layer around it.
    """

    def weights(self, weights: Tensor, step: Step) -> Tensor:
        """Mix the weights."""
        return self._mixed(weights)


class ScoreScale(_HeadMix):
    """Keeps the mix of all heads' scores, as a factor on the weights; the scores stay what they are.

    Args:
        site: The attention layer around it.
    """

    def scores(self, scores: Tensor, step: Step) -> Tensor:
        """Keep the mixed scores."""
        step.kept["score_scale"] = self._mixed(scores)
        return scores


class ScaledWeights(AttentionPart):
    """Multiplies the weights by the factor that `ScoreScale` kept.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()

    def weights(self, weights: Tensor, step: Step) -> Tensor:
        """Scale the weights, which then need not sum to 1."""
        return weights * step.kept["score_scale"]
