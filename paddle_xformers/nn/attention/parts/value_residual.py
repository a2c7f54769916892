"""Value residual (2410.17897): later layers mix the values of the first attention layer into their own."""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...linear import Linear
from .base import AttentionPart, Site, Step


class ValueResidual(AttentionPart):
    """`first + share * (own - first)`, with a share for each token and head, or one half.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        # The first layer mixes only when it runs again, and cross attention for good: neither learns its share.
        learned = site.options.learned_value_residual_mix and site.kind == "a" and not site.first
        self.mix_proj = Linear(site.source_dim, site.options.value_heads, bias=True) if learned else None

    def keys_values(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Mix the layer's own values with those of the first layer."""
        first = step.first_values
        if first is None:  # nothing came before
            return k, v
        if self.mix_proj is None:
            return k, (v + first) * 0.5
        share = F.sigmoid(self.mix_proj(_asked(step)))  # (b, m, g)
        return k, first + share.transpose([0, 2, 1]).unsqueeze(-1) * (v - first)


def _asked(step: Step) -> Tensor:
    """What the shares are computed from, (b, m, d): the queries' input, with mems in front if there are any."""
    if step.value_source is None:
        return step.source
    mems = step.source.shape[1] - step.x.shape[1]
    return paddle.concat([step.source[:, :mems], step.x], axis=1) if mems else step.x
