"""What is added to the input of every branch, whatever depth it stands at.

That is the embedded sequence (input reinjection, 1909.01377), or what the caller gives (2105.04090).
"""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from ..linear import Linear
from ..sizes import sizes


class Reinjection(nn.Layer):
    """What is added to the input of every branch, made once a forward.

    Args:
        dim: Width of the sequence.
        gated: Whether each token says how much of it is added.
    """

    def __init__(self, dim: int, *, gated: bool) -> None:
        super().__init__()
        self.proj = Linear(dim, dim)
        self.gate = Linear(dim, 1) if gated else None

    def forward(self, x: Tensor) -> Tensor:
        """Project the embedded sequence, (b, n, d)."""
        projected: Tensor = self.proj(x)
        return projected if self.gate is None else projected * F.sigmoid(self.gate(x))


def added_to_branches(x: Tensor, reinjection: Reinjection | None, condition: Tensor | None) -> Tensor | None:
    """Return what is added to the input of every branch, (b, 1 or n, d), or None.

    Args:
        x: The embedded sequence, (b, n, d).
        reinjection: That of the stack, or None.
        condition: What the caller gives in its place, (b, d), or (b, tokens, d): what stands in front of the tokens
            gets nothing then.
    """
    if reinjection is not None:
        added: Tensor = reinjection(x)
        return added
    if condition is None:
        return None
    condition = condition.astype(x.dtype)
    if condition.ndim == 2:
        return condition.unsqueeze(1)
    b, tokens, width = sizes(condition)
    front = sizes(x)[1] - tokens
    if isinstance(front, int) and front == 0:
        return condition
    return paddle.concat([paddle.zeros([b, front, width], dtype=x.dtype), condition], axis=1)
