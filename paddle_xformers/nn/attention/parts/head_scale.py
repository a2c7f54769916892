"""Head scale (NormFormer, 2110.09456): a learned factor on what each head attended."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn.initializer import Constant

from .base import AttentionPart, Site, Step


class HeadScale(AttentionPart):
    """One factor a head, starting at 1.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        self.weight = self.create_parameter([site.options.heads, 1, 1], default_initializer=Constant(1.0))

    def attended(self, out: Tensor, step: Step) -> Tensor:
        """Scale (b, h, n, k) by head."""
        return out * self.weight
