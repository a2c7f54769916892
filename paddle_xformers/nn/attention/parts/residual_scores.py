"""Residual attention (RealFormer, 2012.11747): the scores of the layer before are added to this layer's.

The paper adds raw scores, before bias and mask, and so does this. x-transformers adds them with bias, so that
position biases pile up over the depth; without a bias both are the same.
"""

from __future__ import annotations

from paddle import Tensor

from ...sizes import sizes
from ..masks import lead_with_zeros
from .base import AttentionPart, Site, Step


class ResidualScores(AttentionPart):
    """Adds the prior layer's scores and hands the sum on.

    Args:
        site: The attention layer around it.
    """

    hands_scores_on = True

    def __init__(self, site: Site) -> None:
        super().__init__()

    def scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add the scores of the layer before, if there is one: of keys that stand in front of both, and of tokens."""
        if step.prior_scores is None:
            return scores
        prior, m = step.prior_scores, sizes(scores)[3]
        before = sizes(prior)[3]
        # The caller may put more keys in front of one layer than of the other; a traced graph leaves sizes open.
        if isinstance(m, int) and isinstance(before, int) and before != m:
            prior = lead_with_zeros(prior[..., -m:], m)
        return scores + prior
