"""Collaborative heads (2006.16362): all heads share one projection of queries and one of keys.

What tells the heads apart is how much each of them makes of every shared feature: the scores of head h are
`(x W_q * mixing[h]) (y W_k)^T`. The shared width may be far below that of all heads together.
"""

from __future__ import annotations

from paddle import Tensor
from paddle.nn.initializer import Normal

from .base import AttentionPart, Site, Step


class CollaborativeHeads(AttentionPart):
    """Weighs the shared queries, feature by feature, for each head.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        shape = [site.options.heads, 1, site.options.key_dim]
        self.mixing = self.create_parameter(shape, default_initializer=Normal(0.0, 1.0))

    def queries(self, q: Tensor, step: Step) -> Tensor:
        """From the shared queries, (b, 1, n, w), to those of each head, (b, h, n, w)."""
        # Written out first: Paddle Inference (oneDNN) miscomputes what follows a product that broadcasts both factors.
        return q.expand([-1, self.mixing.shape[0], -1, -1]) * self.mixing
