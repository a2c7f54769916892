"""The cache: nested tuples of batch-first tensors, so that beam search can reorder every leaf.

    ((positions,), entry, entry, ...)

`positions` is (b, length) and holds the position of every cached token, or `PADDING` for one that is no
token; its length is the length of the cache. Then comes one entry for each executed layer that keeps something, in the
order of execution: a tuple of

- keys, (b, g, length, w), already rotated, and values, (b, g, length, k), of an attention layer; cross attention keeps
  those of its context; then what its parts remember of each key, (b, r, length, s);
- the last inputs, (b, reach, d), of a layer with token shift.

A cache is a value: a forward returns a longer one and leaves the old one alone. The exception is a cache that
`reserve` has given spare room (its keys are longer than its positions): a forward writes new tokens into the
room, in place. Only a loop that never goes back, such as generation, may do that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import paddle
from paddle import Tensor

from ..sizes import sizes

Cache = tuple[Any, ...]
State = tuple[Tensor, ...]

# Position of a key that is padding: far off any real position, yet exact in float32.
PADDING = -(2**24)
# Spare room grows by this many tokens.
ROOM = 64


@dataclass(frozen=True)
class Keeps:
    """What one step of a stack keeps in the cache.

    Args:
        kind: Kind of its layer.
        leaves: Number of tensors in its entry, keys and values first; 0: it has no entry.
        growing: How many of them, from the first, grow by each new token.
    """

    kind: str
    leaves: int
    growing: int = 0


Steps = tuple[Keeps, ...]


def states(cache: Cache | None, steps: Steps) -> list[State]:
    """Return what each step kept; nothing where it keeps nothing, or there is no cache.

    Args:
        cache: A cache, or None.
        steps: What each step of the stack keeps.
    """
    entries = [] if cache is None else list(cache[1:])  # a list: Paddle's tracing knows no iterators
    return [entries.pop(0) if step.leaves and entries else () for step in steps]


def first_keys(cache: Cache, steps: Steps, kind: str) -> Tensor:
    """Return the keys, (b, g, m, w), that the first attention layer of a kind kept.

    Args:
        cache: A cache.
        steps: What each step of the stack keeps.
        kind: `a` or `c`; the stack has such a layer.
    """
    kinds = [step.kind for step in steps if step.leaves]
    keys: Tensor = cache[1 + kinds.index(kind)][0]
    return keys


def cache_length(cache: Cache | None) -> int:
    """Number of tokens (memory tokens and mems included) that a cache holds."""
    return 0 if cache is None else sizes(cache[0][0])[1]


def room_left(cache: Cache | None, new: int, steps: Steps) -> int:
    """Number of spare places a cache has behind its keys once `new` more tokens are in; 0 for a plain cache.

    Args:
        cache: A cache, or None.
        new: Number of new tokens.
        steps: What each step of the stack keeps.
    """
    if cache is None or all(step.kind != "a" for step in steps) or not paddle.in_dynamic_mode():
        return 0
    length = cache_length(cache)
    capacity = first_keys(cache, steps, "a").shape[2]
    return capacity - length - new if capacity > length else 0


def extend(past: State | None, new: State, length: int) -> State:
    """Append new keys, values, and what parts remember of them, to those of a layer.

    Args:
        past: Cached keys, (b, g, length or more, w), values, (b, g, length or more, k), and further tensors whose third
            axis is that of the keys, or None.
        new: Keys, (b, g, n, w), values, (b, g, n, k), and so on, of the new tokens.
        length: Number of cached tokens.

    Returns:
        The same of all tokens; with spare room behind them if `past` had some.
    """
    if past is None:
        return new
    if not paddle.in_dynamic_mode() or past[0].shape[2] == length:
        return tuple(paddle.concat([old, added], axis=2) for old, added in zip(past, new, strict=True))
    stop = length + new[0].shape[2]
    for old, added in zip(past, new, strict=True):
        old[:, :, length:stop] = added
    return past


def reserve(cache: Cache, steps: Steps) -> Cache:
    """Return the cache with spare room for the next tokens, where it has none left.

    Args:
        cache: A cache.
        steps: What each step of the stack keeps.
    """
    length = cache_length(cache)
    entries = []
    for step, state in zip(steps, states(cache, steps), strict=True):
        if step.kind == "a" and state[0].shape[2] <= length:
            state = (*map(_with_room, state[: step.growing]), *state[step.growing :])
        if step.leaves:
            entries.append(state)
    return (cache[0], *entries)


def _with_room(part: Tensor) -> Tensor:
    """Keys, values or the like, (b, g, length, k), with room behind them."""
    b, g, _, k = part.shape
    return paddle.concat([part, paddle.zeros([b, g, ROOM, k], dtype=part.dtype)], axis=2)
