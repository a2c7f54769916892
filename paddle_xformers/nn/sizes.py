"""The shape of a tensor, also while a graph is traced, where some axes are known only when it runs."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor


def sizes(x: Tensor) -> list[Any]:
    """Return the size of each axis: an int, or a tensor where a traced graph leaves it open."""
    if -1 not in x.shape:
        return list(x.shape)
    known = paddle.shape(x)
    return [known[axis] if size == -1 else size for axis, size in enumerate(x.shape)]
