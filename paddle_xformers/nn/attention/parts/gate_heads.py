"""A gate for each head (2306.12929): a head can do nothing without having to attend to nothing."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn import functional as F
from paddle.nn.initializer import Constant

from ...linear import Linear
from .base import AttentionPart, Site, Step

# The logit that a gate starts at: nearly open.
OPEN = 10.0


class GateHeads(AttentionPart):
    """Multiplies what each head attended by a sigmoid of the layer's input.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        heads = site.options.heads
        self.proj = Linear(site.dim, heads, zero_init=True)
        self.bias = self.create_parameter([heads], default_initializer=Constant(OPEN))

    def attended(self, out: Tensor, step: Step) -> Tensor:
        """Gate (b, h, n, k) by head."""
        gate = F.sigmoid(self.proj(step.x) + self.bias)  # (b, n, h)
        return out * gate.transpose([0, 2, 1]).unsqueeze(-1)
