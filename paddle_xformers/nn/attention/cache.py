"""The cache: nested tuples of batch-first tensors, so that beam search can reorder every leaf.

    ((positions,), entry, entry, ...)

`positions` is (b, length) and holds the position of every cached token, or `PADDING` for one that is no
token; its length is the length of the cache. Where vectors were put in front of the tokens (prepend_embeds), a second
tensor beside it, (b, p), tells which of them are no padding. Then comes one entry for each executed layer that keeps
something, in the order of execution: a tuple of

- keys, (b, g, length, w), already rotated, and values, (b, g, length, k), of an attention layer; cross attention keeps
  those of its context;
- what the parts of an attention layer keep beside them, in the order of the parts;
- the last inputs, (b, reach, d), of a layer with token shift, one for each view of the streams that its branch reads;
- what its residual connection keeps.

A stack that runs several times keeps the entries of its first run, then those of its second, and so on.

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
    """

    kind: str
    leaves: int


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


def prepended(cache: Cache | None) -> Tensor | None:
    """Return which of the vectors that were put in front of the tokens are no padding, (b, p); None: there are none.

    Args:
        cache: A cache, or None.
    """
    front = cache[0][1] if cache is not None and len(cache[0]) > 1 else None
    return front if front is None or front.shape[1] != 0 else None


def prepended_length(cache: Cache | None) -> Any:
    """Return the number of vectors that were put in front of the tokens, padding among them included.

    Args:
        cache: A cache, or None.
    """
    front = prepended(cache)
    return 0 if front is None else sizes(front)[1]


def token_columns(cache: Cache) -> Tensor | None:
    """Return where tokens stand in a cache whose rows may have memory tokens between others, (b, tokens).

    Args:
        cache: A cache.
    """
    return cache[0][2] if len(cache[0]) > 2 else None


def known(keys: Tensor, front: Tensor | None, columns: Tensor | None) -> State:
    """Return the first entry of a cache, from positions, `prepended` and `token_columns`.

    Args:
        keys: Positions of all keys, (b, m).
        front: (b, p), or None.
        columns: (b, tokens), or None.
    """
    if columns is None:
        return (keys,) if front is None else (keys, front)
    nothing = paddle.zeros([sizes(keys)[0], 0], dtype="int64")
    return (keys, nothing if front is None else front, columns)


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


def extend(past: State, new: tuple[Tensor, Tensor], length: int) -> tuple[Tensor, Tensor]:
    """Append new keys and values to those of a layer.

    Args:
        past: Cached keys, (b, g, length or more, w), and values, (b, g, length or more, k), or nothing.
        new: Keys, (b, g, n, w), and values, (b, g, n, k), of the new tokens.
        length: Number of cached tokens.

    Returns:
        Keys and values of all tokens; with spare room behind them if `past` had some.
    """
    if not past:
        return new
    old_keys, old_values = past
    keys, values = new
    if not paddle.in_dynamic_mode() or old_keys.shape[2] == length:
        return paddle.concat([old_keys, keys], axis=2), paddle.concat([old_values, values], axis=2)
    stop = length + keys.shape[2]
    old_keys[:, :, length:stop] = keys
    old_values[:, :, length:stop] = values
    return old_keys, old_values


def rounds_held(cache: Cache | None, steps: Steps) -> int | None:
    """Return how many runs of its stack a cache holds; None without a cache, or if a run keeps nothing.

    Args:
        cache: A cache, or None.
        steps: What each step of one run keeps.
    """
    kept = sum(step.leaves > 0 for step in steps)
    return None if cache is None or not kept else (len(cache) - 1) // kept


def reserve(cache: Cache, steps: Steps, least: int = 1) -> Cache:
    """Return the cache with spare room for the next tokens, where it has too little left.

    Args:
        cache: A cache.
        steps: What each step of one run of the stack keeps.
        least: Number of places that the next call may need.
    """
    length = cache_length(cache)
    steps = steps * (rounds_held(cache, steps) or 1)
    entries = []
    for step, state in zip(steps, states(cache, steps), strict=True):
        if step.kind == "a" and state[0].shape[2] < length + least:
            state = (*(_with_room(part, length + least) for part in state[:2]), *state[2:])
        if step.leaves:
            entries.append(state)
    return (cache[0], *entries)


def _with_room(part: Tensor, least: int) -> Tensor:
    """Keys or values, (b, g, length, k), with room behind them: at least so many places in all."""
    b, g, length, k = part.shape
    more = max(ROOM, least - length)
    return paddle.concat([part, paddle.zeros([b, g, more, k], dtype=part.dtype)], axis=2)
