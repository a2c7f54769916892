"""A soft clamp (2408.00118): numbers pass nearly unchanged while small, and never leave a range."""

from __future__ import annotations

import paddle
from paddle import Tensor


def softclamp(x: Tensor, value: float) -> Tensor:
    """Return `value * tanh(x / value)`, which lies between -value and value.

    Args:
        x: Any tensor.
        value: The bound, above 0.
    """
    return paddle.tanh(x / value) * value
