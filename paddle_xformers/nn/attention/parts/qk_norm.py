"""Query-key normalisation (2010.04245): scores are cosines of the angle between query and key, times a factor.

The factor is fixed (`attn_qk_norm_scale`), learned for each head (a temperature, as in the paper), or left to
learned factors on each feature (2302.05442).
"""

from __future__ import annotations

import math

import paddle
from paddle import Tensor
from paddle.nn.initializer import Constant

from ....config.options import AttentionOptions
from .base import AttentionPart, Site, Step

# The coldest temperature: the learned factor is at most its inverse.
COLDEST = 0.01


def score_scale(options: AttentionOptions) -> float:
    """Return the fixed factor on the query-key products of a layer.

    Args:
        options: The attention fields of the layer.
    """
    if options.attn_qk_norm and options.attn_qk_norm_learned_temperature:
        return 1.0
    if options.attn_qk_norm and not options.attn_qk_norm_dim_scale:
        return options.attn_qk_norm_scale
    return options.attn_scale or options.attn_dim_head**-0.5


def temperature_start(options: AttentionOptions) -> float:
    """Return the logarithm that the learned temperature starts from.

    For sequences of L tokens the paper lets the factor start at log2(L * L - L).

    Args:
        options: The attention fields of the layer.
    """
    length = options.attn_qk_norm_seq_len
    if length is not None:
        return -math.log(math.log2(length * length - length))
    given = options.attn_qk_norm_temperature_init
    return -3.0 if given is None else given


class QKNorm(AttentionPart):
    """Divides queries and keys by their length, and applies the factors that are learned.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        options = site.options
        self.groups = options.attn_qk_norm_groups
        self.q_scale = self.k_scale = self.log_temperature = None
        if options.attn_qk_norm_dim_scale:
            start = Constant(options.attn_dim_head**0.25)
            self.q_scale = self.create_parameter([options.heads, 1, options.key_dim], default_initializer=start)
            self.k_scale = self.create_parameter([options.key_heads, 1, options.key_dim], default_initializer=start)
        if options.attn_qk_norm_learned_temperature:
            start = Constant(temperature_start(options))
            self.log_temperature = self.create_parameter([options.heads, 1, 1], default_initializer=start)

    def queries(self, q: Tensor, step: Step) -> Tensor:
        """Norm (b, h, n, w); a head's temperature acts on its queries."""
        q = self._normed(q)
        if self.log_temperature is not None:
            q = q / self.log_temperature.exp().clip(min=COLDEST)
        return q if self.q_scale is None else q * self.q_scale

    def keys_values(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Norm the keys, (b, g, m, w)."""
        return self.front_keys(k, step), v

    def front_keys(self, k: Tensor, step: Step) -> Tensor:
        """Norm learned keys, (b, g, t, w), as well."""
        k = self._normed(k)
        return k if self.k_scale is None else k * self.k_scale

    def _normed(self, t: Tensor) -> Tensor:
        """Give each group of features, (b, heads, n, groups * w), the length 1."""
        grouped = t if self.groups == 1 else t.reshape([0, 0, 0, self.groups, -1])  # (b, heads, n, groups, w)
        exact = grouped.astype("float32")
        # What is added keeps a vector of zeros at zero, with a finite gradient.
        normed = exact * paddle.rsqrt((exact * exact).sum(axis=-1, keepdim=True) + 1e-24)
        normed = normed.astype(t.dtype)
        return normed if self.groups == 1 else normed.flatten(start_axis=-2)
