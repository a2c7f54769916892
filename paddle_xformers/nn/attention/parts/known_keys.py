"""For parts that compute a bias of their own over the keys: those known so far, without the spare room behind them.

b batch, n queries, m known keys: the cached ones, then those of this call, mems among them.
"""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...sizes import sizes
from ..masks import lead_with_zeros
from .base import AttentionPart, Step


def positions_of_known(step: Step) -> Tensor:
    """Positions of the known keys of self attention, (b or 1, m)."""
    positions: Tensor = step.call.k_positions
    return positions[:, : sizes(positions)[1] - step.call.room]


def positions_of_new(step: Step) -> Tensor:
    """Positions of the keys of this call, (b or 1, new)."""
    return positions_of_known(step)[:, step.call.past_length :]


def before_queries(step: Step) -> Tensor:
    """Which known keys stand before each query, in the order of the keys, (n, m), boolean."""
    m, n = sizes(positions_of_known(step))[1], sizes(step.call.q_positions)[1]
    return paddle.arange(m) < (paddle.arange(n) + (m - n)).unsqueeze(-1)


def remembered(part: AttentionPart, step: Step, new: Tensor) -> Tensor:
    """Put what a part keeps of cached keys before what it has of those of this call, and keep both.

    Args:
        part: The part, with one leaf in the cache.
        step: Its step.
        new: What it has of the keys of this call, (b, ..., new).

    Returns:
        The same of all known keys, (b, ..., m).
    """
    past = step.past.get(part)
    known = paddle.concat([past[0], new], axis=-1) if past else new
    step.state[part] = (known,)
    return known


def over_tokens(scores: Tensor, bias: Tensor, step: Step) -> Tensor:
    """Add a bias to the scores of the known keys; learned keys in front and the room behind get none.

    Args:
        scores: (b, h, n, all keys).
        bias: (b, h, n, m).
        step: The step of the part that adds it.
    """
    room = step.call.room
    if room:
        bias = paddle.concat([bias, paddle.zeros([*sizes(bias)[:3], room], dtype=bias.dtype)], axis=-1)
    return scores + lead_with_zeros(bias, sizes(scores)[-1]).astype(scores.dtype)
