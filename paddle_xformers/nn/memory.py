"""What stands in front of the tokens: learned memory tokens (2006.11527) and Transformer-XL's mems (1901.02860).

Mems are a tuple of batch-first tensors: `(valid, states, states, ...)`, where `valid`, (b, m), tells which of the
remembered places held a token, and each `states`, (b, m, d), is what one self attention layer read there.
"""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Normal

from ..config.options import MemoryOptions
from .attention.cache import Steps
from .sizes import sizes

Mems = tuple[Tensor, ...]


class MemoryTokens(nn.Layer):
    """Learned vectors in front of every sequence, visible to all and free to gather what they see.

    Args:
        count: Number of tokens.
        dim: Width of the residual stream.
    """

    def __init__(self, count: int, dim: int) -> None:
        super().__init__()
        self.count = count
        self.weight = self.create_parameter([count, dim], default_initializer=Normal(0.0, 1.0))

    def forward(self, x: Tensor) -> Tensor:
        """Put the memory in front of (b, n, d): (b, t + n, d)."""
        memory = self.weight.astype(x.dtype).unsqueeze(0).expand([sizes(x)[0], -1, -1])
        return paddle.concat([memory, x], axis=1)


def mem_for_steps(mems: Mems | None, steps: Steps, options: MemoryOptions) -> list[Tensor | None]:
    """Return the states each step of the stack reads; None for those that are no self attention.

    With `shift_mem_down` a layer reads what the layer so many levels up left (2012.15688).

    Args:
        mems: Mems of the segment before.
        steps: What each step of the stack keeps.
        options: The memory fields.
    """
    read = list(mems[1:]) if mems is not None else []
    shift = options.shift_mem_down
    ordered = read[shift:] + read[:shift]
    return [ordered.pop(0) if step.kind == "a" and ordered else None for step in steps]


def next_mems(mems: Mems | None, states: list[Tensor], valid: Tensor, length: int) -> Mems:
    """Return the mems for the next segment: the last places of the old and the new ones, without gradient.

    Args:
        mems: Mems of the segment before.
        states: What each self attention layer read in this segment, (b, n, d).
        valid: Which of the n places held a token, (b, n).
        length: How many places to keep.
    """
    parts = [valid.astype("int64"), *states]
    if mems is not None:
        parts = [paddle.concat([old, new], axis=1) for old, new in zip(mems, parts, strict=True)]
    return tuple(part[:, -length:].detach() for part in parts)
