"""What a caller adds inside attention layers in one forward: to projections, to what was attended, to the weights."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import paddle
from paddle import Tensor

from ..sizes import sizes
from .masks import HIDDEN_BELOW, over_all
from .normalizers import Normalizer


@dataclass(frozen=True)
class Deltas:
    """What is added in one layer; None: nothing.

    Args:
        q: To the projected queries (2605.12357), (b or 1, tokens, their width).
        k: To the projected keys, likewise; what stands in front of the tokens stays.
        v: To the projected values, likewise.
        o: To what all heads attended, likewise, before gates and the output projection.
        weights: To the attention weights of keys that are seen, (b or 1, h or 1, tokens or 1, keys); axes in front may
            be left out.
    """

    q: Tensor | None = None
    k: Tensor | None = None
    v: Tensor | None = None
    o: Tensor | None = None
    weights: Tensor | None = None


NOTHING = Deltas()


def added(t: Tensor, delta: Tensor | None) -> Tensor:
    """Add to the last places of a projection.

    Args:
        t: (b, n, width).
        delta: (b or 1, tokens, width), with at most n tokens, or None.
    """
    if delta is None:
        return t
    front = sizes(t)[1] - sizes(delta)[1]
    delta = delta.astype(t.dtype)
    if not (isinstance(front, int) and front == 0):
        b, _, width = sizes(delta)
        delta = paddle.concat([paddle.zeros([b, front, width], dtype=t.dtype), delta], axis=1)
    return t + delta


def with_weights(normalizer: Normalizer, delta: Tensor | None, room: int) -> Normalizer:
    """Return a normalizer whose weights have something added.

    Args:
        normalizer: From scores to weights.
        delta: As `Deltas.weights`, or None.
        room: Number of spare places behind the keys.
    """
    return normalizer if delta is None else functools.partial(_moved, normalizer=normalizer, delta=delta, room=room)


def _moved(scores: Tensor, *, normalizer: Normalizer, delta: Tensor, room: int) -> Tensor:
    """Weights, (b, h, n, m), with the delta on those of keys that are seen: no other may count."""
    weights = normalizer(scores)
    _, _, n, m = sizes(scores)
    spread = over_all(delta.astype(weights.dtype), n, m, room)
    return weights + paddle.where(scores > HIDDEN_BELOW, spread, paddle.zeros([1], dtype=weights.dtype))
