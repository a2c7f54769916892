"""The key/value cache: nested tuples of batch-first tensors, so that beam search can reorder every leaf.

    ((positions,), (keys, values), (keys, values), ...)

`positions` is (b, length) and holds the position of every cached token, or `PADDING` for one that is no
token; its length is the length of the cache. Then comes one pair for each attention layer in the order of
execution, (b, g, length, k) each, keys already rotated. Cross attention keeps the keys and values of its context.

A cache is a value: a forward returns a longer one and leaves the old one alone. The exception is a cache that
`reserve` has given spare room (its keys are longer than its positions): a forward writes new tokens into the
room, in place. Only a loop that never goes back, such as generation, may do that.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ..sizes import sizes

Cache = tuple[Any, ...]

# Position of a key that is padding: far off any real position, yet exact in float32.
PADDING = -(2**24)
# Spare room grows by this many tokens.
ROOM = 64


def cache_length(cache: Cache | None) -> int:
    """Number of tokens (memory tokens and mems included) that a cache holds."""
    return 0 if cache is None else sizes(cache[0][0])[1]


def room_left(cache: Cache | None, new: int, self_attention: tuple[bool, ...]) -> int:
    """Number of spare places a cache has behind its keys once `new` more tokens are in; 0 for a plain cache.

    Args:
        cache: A cache, or None.
        new: Number of new tokens.
        self_attention: For each pair of the cache, whether it belongs to self attention and so grows.
    """
    if cache is None or True not in self_attention or not paddle.in_dynamic_mode():
        return 0
    length = cache_length(cache)
    capacity = cache[1 + self_attention.index(True)][0].shape[2]
    return capacity - length - new if capacity > length else 0


def extend(past: tuple[Tensor, Tensor] | None, new: tuple[Tensor, Tensor], length: int) -> tuple[Tensor, Tensor]:
    """Append new keys and values to those of a layer.

    Args:
        past: Cached keys and values, (b, g, length or more, k), or None.
        new: Keys and values of the new tokens, (b, g, n, k).
        length: Number of cached tokens.

    Returns:
        Keys and values of all tokens; with spare room behind them if `past` had some.
    """
    if past is None:
        return new
    old_keys, old_values = past
    keys, values = new
    if not paddle.in_dynamic_mode() or old_keys.shape[2] == length:
        return paddle.concat([old_keys, keys], axis=2), paddle.concat([old_values, values], axis=2)
    stop = length + keys.shape[2]
    old_keys[:, :, length:stop] = keys
    old_values[:, :, length:stop] = values
    return old_keys, old_values


def reserve(cache: Cache, self_attention: tuple[bool, ...]) -> Cache:
    """Return the cache with spare room for the next tokens, where it has none left.

    Args:
        cache: A cache.
        self_attention: For each pair of the cache, whether it belongs to self attention and so grows.
    """
    length = cache_length(cache)
    pairs = []
    for pair, grows in zip(cache[1:], self_attention, strict=True):
        if grows and pair[0].shape[2] <= length:
            b, g = pair[0].shape[:2]
            pair = tuple(
                paddle.concat([part, paddle.zeros([b, g, ROOM, part.shape[3]], dtype=part.dtype)], axis=2)
                for part in pair
            )
        pairs.append(pair)
    return (cache[0], *pairs)
