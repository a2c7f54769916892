"""Places of each row, picked along an axis."""

from __future__ import annotations

import paddle
from paddle import Tensor

from .sizes import sizes


def picked(x: Tensor, places: Tensor, axis: int = 1) -> Tensor:
    """Pick places of each row along an axis.

    Args:
        x: (b or 1, ..., m, ...).
        places: (b, k), or (1, k) for all rows alike.
        axis: The axis of m, not the first.

    Returns:
        (b or 1, ..., k, ...).
    """
    if places.shape[0] == 1:
        return paddle.index_select(x, places[0], axis=axis)
    if axis != 1:
        order = [0, axis, *(other for other in range(1, x.ndim) if other != axis)]
        back = [order.index(other) for other in range(x.ndim)]
        return picked(x.transpose(order), places).transpose(back)
    b, k = sizes(places)
    if x.shape[0] == 1:
        x = x.expand([b, *([-1] * (x.ndim - 1))])
    m, *rest = sizes(x)[1:]
    flat = places + paddle.arange(b).unsqueeze(-1) * m  # (b, k)
    return paddle.gather(x.reshape([-1, *rest]), flat.reshape([-1])).reshape([b, k, *rest])
