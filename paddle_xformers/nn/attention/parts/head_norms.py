"""RMSNorm of each head's queries, keys (2302.05442) or values, with a gain for each feature of each head.

Unlike in cosine similarity (`qk_norm`) the factor on the scores stays what it was. Gains are stored less 1, so that
weight decay pulls them to 1.
"""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn.initializer import Constant

from .base import AttentionPart, Site, Step


def head_rms(t: Tensor, weight: Tensor) -> Tensor:
    """Divide each vector by the root of its mean square, and scale its features.

    Args:
        t: (b, heads, n, w).
        weight: Gains less 1, (heads, 1, w).
    """
    exact = t.astype("float32")
    # What is added keeps a vector of zeros at zero, with a finite gradient.
    normed = exact * paddle.rsqrt((exact * exact).mean(axis=-1, keepdim=True) + 1e-24)
    return normed.astype(t.dtype) * (weight + 1)


class QKRMSNorm(AttentionPart):
    """Norms queries and keys, or keys alone.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        options, zero = site.options, Constant(0.0)
        self.q_weight = None
        if options.attn_qk_rmsnorm:
            self.q_weight = self.create_parameter([options.heads, 1, options.key_dim], default_initializer=zero)
        self.k_weight = self.create_parameter([options.key_heads, 1, options.key_dim], default_initializer=zero)

    def queries(self, q: Tensor, step: Step) -> Tensor:
        """Norm (b, h, n, w)."""
        return q if self.q_weight is None else head_rms(q, self.q_weight)

    def keys_values(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Norm the keys, (b, g, m, w); learned keys (attn_num_mem_kv) have the size they learn."""
        return head_rms(k, self.k_weight), v


class ValueRMSNorm(AttentionPart):
    """Norms values.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        shape = [site.options.value_heads, 1, site.options.value_dim]
        self.weight = self.create_parameter(shape, default_initializer=Constant(0.0))

    def keys_values(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Norm the values, (b, g, m, k)."""
        return k, head_rms(v, self.weight)
