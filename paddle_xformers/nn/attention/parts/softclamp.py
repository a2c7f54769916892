"""Soft-capped scores (Gemma 2, 2408.00118): no score leaves the range of +-c, and none is cut off hard."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...softclamp import softclamp
from ..masks import HIDDEN_BELOW
from .base import AttentionPart, Site, Step


class SoftClamp(AttentionPart):
    """Caps scores with their position bias; hidden keys stay hidden.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.limit = site.options.attn_logit_softclamp_value

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Cap (b, h, n, m)."""
        return paddle.where(scores > HIDDEN_BELOW, softclamp(scores, self.limit), scores)
