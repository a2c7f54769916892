"""What is added to the input of every branch, whatever depth it stands at.

That is the embedded sequence (input reinjection, 1909.01377), or what the caller gives (2105.04090).
"""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F

from ...config.options import ResidualOptions
from ...errors import InputError
from ..linear import Linear
from ..sizes import sizes


class Reinjection(nn.Layer):
    """What is added to the input of every branch, made once a forward.

    Args:
        dim: Width of the sequence.
        residual: Whether it is made of the sequence, and whether each token says how much of it is added.
    """

    def __init__(self, dim: int, residual: ResidualOptions) -> None:
        super().__init__()
        self.proj = Linear(dim, dim) if residual.reinject_input else None
        self.gate = Linear(dim, 1) if residual.learned_reinject_input_gate else None

    def forward(self, x: Tensor, condition: Tensor | None) -> Tensor | None:
        """Return what is added, (b, 1 or n, d), or None.

        Args:
            x: The embedded sequence, (b, n, d).
            condition: What the caller gives where it is not made of the sequence, (b, d), or (b, tokens, d), or None.

        Raises:
            InputError: If there is a gate and nothing that it weighs.
        """
        added = _with_zeros_in_front(condition, x) if self.proj is None else self.proj(x)
        if self.gate is None:
            return added
        if added is None:
            raise InputError(
                "in_attn_cond is missing: learned_reinject_input_gate=True without reinject_input is a gate on it; "
                f"give (batch, dim={sizes(x)[-1]}), or (batch, tokens, dim) for one a token, zeros to add nothing"
            )
        return added * F.sigmoid(self.gate(x))


def _with_zeros_in_front(condition: Tensor | None, x: Tensor) -> Tensor | None:
    """What a call adds, (b, 1 or n, d): what stands in front of the tokens gets nothing if each has its own."""
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
