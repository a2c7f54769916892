"""Where the tokens of a call stand: positions of queries and keys, from the mask, the cache or the caller.

Tokens count from 0 in every row of a batch, wherever its padding stands. Memory tokens and, before them, mems
have negative positions, so that the first token is at 0 with or without them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import paddle
from paddle import Tensor

from .attention.cache import PADDING, Cache
from .attention.masks import HIDDEN_BELOW


@dataclass(frozen=True)
class Places:
    """Positions of one call; padding stands at `PADDING`.

    Args:
        tokens: Of the new tokens, (b or 1, n).
        new: Of everything this call computes keys for: mems, memory tokens and new tokens, (b or 1, m).
        keys: Of all keys: the cached ones, `new`, then the spare room of a reserved cache, (b or 1, m).
        queries: Of memory tokens and new tokens, (b or 1, n).
        valid: Keys that are no padding where the caller's mask does not say so, room left out; None: all.
    """

    tokens: Tensor
    new: Tensor
    keys: Tensor
    queries: Tensor
    valid: Tensor | None


def mask_of_lengths(lens: Tensor, n: int) -> Tensor:
    """Return the mask of rows with so many tokens each and padding behind them, (b, n).

    Args:
        lens: Number of tokens of each row, (b).
        n: Number of places.
    """
    return (paddle.arange(n) < lens.astype("int64").unsqueeze(-1)).astype("int64")


def kept_tokens(attention_mask: Tensor | None) -> Tensor | None:
    """Return which places of the caller's mask are tokens, (b, n), boolean; None if it does not tell padding.

    Args:
        attention_mask: The caller's mask; with two axes it tells padding.
    """
    if attention_mask is None or attention_mask.ndim != 2:
        return None
    if attention_mask.is_floating_point():
        return attention_mask > HIDDEN_BELOW
    return attention_mask if attention_mask.dtype == paddle.bool else attention_mask > 0


def token_positions(
    n: int, attention_mask: Tensor | None, position_ids: Tensor | None, cache: Cache | None, gap: Any = 0
) -> Tensor:
    """Return the positions of n new tokens, (b or 1, n).

    Args:
        n: Number of new tokens.
        attention_mask: The caller's mask; with two axes it tells padding, over past and new tokens.
        position_ids: Positions by the caller, (b or 1, n) or (n).
        cache: The tokens before.
        gap: By how much memory tokens between those moved their last position, (b, 1) or a number.
    """
    keep = kept_tokens(attention_mask)
    if position_ids is not None:
        positions = position_ids if position_ids.ndim == 2 else position_ids.unsqueeze(0)
        positions = positions.astype("int64")
    elif keep is not None:
        positions = (keep.astype("int64").cumsum(axis=-1) - 1)[:, -n:]
    elif cache is not None:
        positions = cache[0][0].max(axis=-1, keepdim=True).clip(min=-1) + 1 - gap + paddle.arange(n)
    else:
        positions = paddle.arange(n).unsqueeze(0)
    if keep is None:
        return positions
    return paddle.where(keep[:, -n:], positions, paddle.full([1], PADDING, dtype="int64"))


def make_places(
    tokens: Tensor,
    *,
    cache: Cache | None,
    lead: int,
    prepended: Tensor | None = None,
    mem_valid: Tensor | None,
    room: int,
    mask_covers_padding: bool,
) -> Places:
    """Collect the positions of queries and keys.

    Args:
        tokens: Positions of the new tokens, (b or 1, n).
        cache: The tokens before.
        lead: Number of memory tokens in front of the new tokens.
        prepended: Which vectors in front of the tokens are no padding, (b, p), or None: memory tokens and mems stand in
            front of them.
        mem_valid: Which places of the mems held a token, (b, m), or None without mems.
        room: Number of spare places that a reserved cache has left after this call.
        mask_covers_padding: Whether the caller's mask already hides padding among the keys.
    """
    padding = paddle.full([1], PADDING, dtype="int64")
    front = 0 if prepended is None else prepended.sum(axis=1, keepdim=True)  # (b, 1)
    queries = join_rows(paddle.arange(-lead, 0).unsqueeze(0) - front, tokens) if lead else tokens
    new = queries
    if mem_valid is not None:
        # Counted backwards from the first token, padding left out.
        counted = mem_valid.astype("int64")
        places = counted.cumsum(axis=1) - counted.sum(axis=1, keepdim=True) - 1 - lead - front
        new = join_rows(paddle.where(mem_valid > 0, places, padding), queries)
    keys = new if cache is None else join_rows(cache[0][0], new)
    unsure = (cache is not None and not mask_covers_padding) or mem_valid is not None
    valid = keys > PADDING if unsure else None
    if room:
        keys = join_rows(keys, padding.expand([keys.shape[0], room]))
    return Places(tokens, new, keys, queries, valid)


def within(prefix_len: Tensor | int, positions: Tensor) -> Tensor:
    """Return which keys belong to a prefix, (b or 1, m), boolean: with its tokens also what stands in front of them.

    Args:
        prefix_len: Number of its tokens, for each row, (b), or for all; with 0 nothing belongs to it.
        positions: Positions of the keys, (b or 1, m).
    """
    if isinstance(prefix_len, int):
        prefix_len = paddle.full([1], prefix_len, dtype="int64")
    length = prefix_len.astype("int64").unsqueeze(-1)  # (b or 1, 1)
    return paddle.logical_and(positions < length, length > 0)


def join_rows(first: Tensor, second: Tensor) -> Tensor:
    """Put positions or columns, (b or 1, k), behind others; a row that is the same for all is written out if need be.

    Args:
        first: What comes first, (b or 1, l).
        second: What comes behind it, (b or 1, k).

    Returns:
        (b or 1, l + k).
    """
    if first.shape[0] != second.shape[0]:
        first, second = first + paddle.zeros_like(second[:, :1]), second + paddle.zeros_like(first[:, :1])
    return paddle.concat([first, second], axis=1)
