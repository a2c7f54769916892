"""Persistent memory (1907.01470): learned keys and values that every query sees."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn.initializer import Normal

from ...sizes import sizes
from .base import AttentionPart, Site, Step


class MemoryKeyValues(AttentionPart):
    """Learned keys and values in front of all others, without positions and never cached.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        options, count = site.options, site.options.attn_num_mem_kv
        keys, values = [options.key_heads, count, options.key_dim], [options.value_heads, count, options.value_dim]
        self.keys = self.create_parameter(keys, default_initializer=Normal(0.0, 1.0))
        self.values = self.create_parameter(values, default_initializer=Normal(0.0, 1.0))

    def in_front(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Return them for every row of the batch, (b, g, t, w) and (b, g, t, k)."""
        b = sizes(k)[0]
        keys, values = (part.unsqueeze(0).expand([b, -1, -1, -1]) for part in (self.keys, self.values))
        return keys, values
