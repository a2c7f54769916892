"""LASER (2411.03493): attention over the exponentials of the values, so that gradients do not fade with the weights."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...softclamp import softclamp
from .base import AttentionPart, Site, Step

# What is attended is at least this much before its logarithm is taken.
LEAST = 1e-20


class Laser(AttentionPart):
    """Attends to `exp(v)` and takes the logarithm of what comes out; v is soft-capped, so that nothing overflows.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.limit = site.options.attn_laser_softclamp_value

    def all_values(self, v: Tensor, step: Step) -> Tensor:
        """Exponentials, (b, g, m, k), in float32: half precision ends at exp(11)."""
        return softclamp(v.astype("float32"), self.limit).exp()

    def attended(self, out: Tensor, step: Step) -> Tensor:
        """Back to the size of values, (b, h, n, k); a query that saw no key keeps its zeros."""
        log = out.clip(min=LEAST).log()
        return paddle.where(out == 0, paddle.zeros_like(out), log).astype(step.x.dtype)
