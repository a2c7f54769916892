"""Decoupled rotary keys of latent attention (2405.04434): a few key heads that carry the positions.

They are made from the layer's input, past the latent, and stand behind the heads that come from it. Rotary positions
turn them, and the queries that look at them, and leave the others alone. As in x-transformers they are whole heads; in
the paper they are further features of each head.
"""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...linear import Linear
from ..heads import moved, split
from .base import AttentionPart, Site, Step


class RopeKeys(AttentionPart):
    """Projects the last key heads.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        options = site.options
        self.heads = options.key_heads - options.projected_key_heads
        self.proj = Linear(site.source_dim, self.heads * options.key_dim, bias=options.attn_qkv_bias)

    def keys_values(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """From the keys of the latent, (b, g - s, m, w), to all keys, (b, g, m, w)."""
        own = split(self.proj(moved(step.source, step.call.k_sinusoid)), self.heads)  # (b, s, m, w)
        return paddle.concat([k, own], axis=1), v
