"""Memory tokens also between tokens (2006.11527): in front of every segment of so many tokens of a row.

Those of the first segment stand in front of the row as ever (`lead`); here are the others. A row counts its own tokens,
wherever its padding stands, so its segments begin where they would without padding and without a cache. Where rows may
begin segments at different places, each call makes room for the most that may begin, in front of what there is, and
what a row does not use is padding to the layers. Everything follows from shapes and counted tokens, so that no forward
waits for the device.

Of one call: T tokens in the cache and n new ones make N new columns; m memory tokens in front of every e tokens.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import paddle
from paddle import Tensor

from ..config.options import MemoryOptions
from ..errors import InputError
from .attention.cache import PADDING, Cache, cache_length, prepended_length, token_columns
from .attention.deltas import Deltas
from .attention.masks import HIDDEN_BELOW, MASKED, as_bias
from .calls import StackCall
from .picking import picked
from .places import join_rows, kept_tokens
from .shown import Shown
from .sizes import sizes


@dataclass(frozen=True)
class Columns:
    """Where the tokens of one call stand.

    Args:
        own: Column of each new token among the new columns, (b or 1, n).
        source: What stands in each new column, (b or 1, N): the number of a new token, or n and more for the memory
            tokens.
        positions: Positions of the new columns, (b or 1, N).
        tokens: Column of each past and new token among all columns, (b or 1, T + n): mems, memory tokens and vectors in
            front of the tokens included.
        vectors: Columns of the vectors in front of the tokens, (b or 1, p); None: there are none.
        size: Number of new columns, N.
        total: Number of all columns.
        differ: Whether rows may begin segments at different places.
    """

    own: Tensor
    source: Tensor
    positions: Tensor
    tokens: Tensor
    vectors: Tensor | None
    size: Any
    total: Any
    differ: bool

    def filled(self, x: Tensor, memory: Tensor, front: int) -> Tensor:
        """Put memory tokens between new tokens.

        Args:
            x: Vectors in front of the tokens, and the tokens, (b, front + n, d).
            memory: (m, d).
            front: Number of vectors in front.

        Returns:
            (b, front + N, d).
        """
        if self._none_between(sizes(self.own)[1]):
            return x
        vectors, tokens = x[:, :front], x[:, front:]
        rows = memory.astype(x.dtype).unsqueeze(0).expand([sizes(x)[0], -1, -1])
        filled = picked(paddle.concat([tokens, rows], axis=1), self.source)
        return paddle.concat([vectors, filled], axis=1) if front else filled

    def shown(self, lead: int, front: int, *, excise: bool) -> Shown:
        """Return what of the call is shown.

        Args:
            lead: Number of memory tokens that this call puts in front.
            front: Number of vectors that it puts between those and the tokens.
            excise: Leave these vectors out.
        """
        own, tokens = lead + front + self.own, self.tokens
        if front and not excise:
            own = join_rows(lead + paddle.arange(front).unsqueeze(0), own)
        if self.vectors is not None and not excise:
            tokens = join_rows(self.vectors, tokens)
        return Shown(lead, sizes(tokens)[1], own, tokens)

    def among_new(self, t: Tensor | None, fill: Tensor | float = 0.0, axis: int = 1) -> Tensor | None:
        """Spread what there is of new tokens along an axis over the new columns.

        Args:
            t: Something of new tokens, (b or 1, ..., n, ...), or of all of them alike, (b or 1, ..., 1, ...), or None.
            fill: What stands for memory tokens; a tensor has the shape of t with one place on the axis.
            axis: That of the tokens.
        """
        if t is None or (t.shape[axis] == 1 and self.own.shape[1] != 1):
            return t
        n = sizes(t)[axis]
        if self._none_between(n):
            return t
        return picked(_with_one_more(t, fill, axis), self.source.clip(max=n), axis)

    def among_all(self, t: Tensor) -> Tensor:
        """Spread what there is of tokens along the last axis, (..., T + n), over all columns, with 0 elsewhere."""
        known = sizes(t)[-1]
        columns = self.tokens[:, -known:]
        places = paddle.arange(self.total).unsqueeze(0).expand([sizes(columns)[0], -1])
        at = paddle.searchsorted(columns, places).clip(max=known - 1)
        source = paddle.where(picked(columns, at) == places, at, paddle.full([1], known, dtype="int64"))
        return picked(_with_one_more(t, 0.0, t.ndim - 1), source, t.ndim - 1)

    def square(self, t: Tensor | None) -> Tensor | None:
        """Spread what there is of queries and keys, (..., n or 1, T + n), over the columns of both, with 0."""
        if t is None:
            return None
        t = t.unsqueeze(list(range(4 - t.ndim))) if t.ndim < 4 else t
        return self.among_new(self.among_all(t), axis=2)

    def _none_between(self, n: Any) -> bool:
        """Whether the new columns are the new tokens."""
        return isinstance(n, int) and isinstance(self.size, int) and n == self.size

    def call(self, call: StackCall, between: Between) -> StackCall:
        """Return what is asked of the stack, said of columns in place of tokens.

        Args:
            call: What is asked, said of tokens.
            between: Memory tokens and their distance.

        Raises:
            InputError: If there is a mask of queries and keys where rows may begin segments at different places.
        """
        condition = call.condition
        added = call.in_attn_cond
        return dataclasses.replace(
            call,
            attention_mask=self._mask(call),
            key_mask=None if call.key_mask is None else self.among_all(as_bias(call.key_mask, "float32")),
            bias=self.square(call.bias),
            deltas=tuple(self._deltas(deltas) for deltas in call.deltas),
            condition=condition if condition is None or condition.ndim == 2 else self.among_new(condition),
            in_attn_cond=added if added is None or added.ndim == 2 else self.among_new(added),
            kv_residuals={
                kind: [self.among_new(entry) if kind == "a" else entry for entry in entries]
                for kind, entries in call.kv_residuals.items()
            },
            deep_embeds=self.among_new(call.deep_embeds, fill=1.0),
            prefix_len=between.position_of(call.prefix_len),
            columns=self._known() if self.differ else None,
        )

    def _known(self) -> Tensor:
        """What a cache keeps of it, (b, p + T + n)."""
        return self.tokens if self.vectors is None else join_rows(self.vectors, self.tokens)

    def _mask(self, call: StackCall) -> Tensor | None:
        mask = call.attention_mask
        if self.differ:
            if mask is not None and mask.ndim != 2:
                raise InputError(
                    f"attention_mask has shape {list(mask.shape)}, but where rows may hold padding or mems, "
                    "memory_tokens_interspersed_every begins their segments at different places; give (batch, tokens)"
                )
            known = (self.positions,) if call.cache is None else (call.cache[0][0], self.positions)
            keep = paddle.concat(known, axis=1) > PADDING
            if mask is None or not mask.is_floating_point():
                return keep.astype("int64")
            scores = self.among_all(mask)[:, -sizes(keep)[1] :]
            return paddle.where(keep, scores, paddle.full([1], MASKED, dtype=mask.dtype))
        if mask is None:
            return None
        scores = as_bias(mask, "float32")
        scores = scores if scores.ndim == 4 else scores.unsqueeze(1)  # (b or 1, h or 1, n or 1, T + n)
        scores = self.among_all(scores)
        # A memory token sees what any token sees: keys hidden from all stay hidden.
        top = scores.max(axis=2, keepdim=True)
        fill = paddle.where(top > HIDDEN_BELOW, paddle.zeros_like(top), top)
        return self.among_new(scores, fill, axis=2)

    def _deltas(self, deltas: Deltas) -> Deltas:
        widths = {kind: self.among_new(getattr(deltas, kind)) for kind in ("q", "k", "v", "o")}
        return Deltas(**widths, weights=self.square(deltas.weights))


@dataclass(frozen=True)
class Between:
    """Memory tokens between tokens.

    Args:
        count: Number of memory tokens in front of a segment, m.
        every: Number of tokens of a segment, e.
    """

    count: int
    every: int

    def held(self, cache: Cache | None) -> Any:
        """Return the number of tokens in a cache, T, padding among them included.

        Args:
            cache: A cache, or None.
        """
        if cache is None:
            return 0
        columns, front = token_columns(cache), prepended_length(cache)
        if columns is not None:
            return sizes(columns)[1] - front
        whole = cache_length(cache) - front  # T + m * ceil(T / e)
        segments = (whole + self.every + self.count - 1) // (self.every + self.count)
        return whole - self.count * segments

    def counted(self, cache: Cache | None) -> Any:
        """Return the number of tokens of each row in a cache, without padding: (b, 1), or a number if all have as many.

        Args:
            cache: A cache, or None.
        """
        columns, held = None if cache is None else token_columns(cache), self.held(cache)
        if cache is None or columns is None:
            return held
        columns = columns[:, -held:]
        return (picked(cache[0][0], columns) > PADDING).astype("int64").sum(axis=1, keepdim=True)

    def gap(self, cache: Cache | None) -> Any:
        """Return by how much memory tokens moved the last position in a cache, (b, 1) or a number.

        Args:
            cache: A cache, or None.
        """
        if cache is None:
            return 0
        counted = self.counted(cache)
        if isinstance(counted, Tensor):
            counted = counted.clip(min=1)
        return self.count * ((counted - 1) // self.every)

    def position_of(self, prefix_len: Tensor | int | None) -> Tensor | int | None:
        """Return behind which position a prefix of so many tokens ends, once memory tokens stand between them.

        Args:
            prefix_len: Number of its tokens, (b) or a number, or None.
        """
        if prefix_len is None:
            return None
        last = prefix_len.astype("int64").clip(min=1) - 1 if isinstance(prefix_len, Tensor) else max(prefix_len - 1, 0)
        return prefix_len + self.count * (last // self.every)

    def columns(self, positions: Tensor, call: StackCall, lead: int, front: int) -> Columns:
        """Lay out the new tokens of a call.

        Args:
            positions: Their positions, (b or 1, n), `PADDING` for padding.
            call: What is asked, said of tokens.
            lead: Number of memory tokens that this call puts in front.
            front: Number of vectors that it puts between those and the tokens.
        """
        cache, m, e = call.cache, self.count, self.every
        n, held = sizes(positions)[1], self.held(cache)
        past = None if cache is None else token_columns(cache)
        differ = past is not None or call.mems is not None or kept_tokens(call.attention_mask) is not None
        if differ:
            positions = positions.expand([self._rows(call, positions), -1])
            kept = (positions > PADDING).astype("int64")
            number = kept.cumsum(axis=1) - 1 + self.counted(cache)  # (b, n)
        else:
            kept = paddle.ones([1, n], dtype="int64")
            number = held + paddle.arange(n).unsqueeze(0)  # (1, n)
        room = self._room(n, held, differ=differ)
        begins = kept * paddle.logical_and(number % e == 0, number > 0).astype("int64")
        # No sum is multiplied here: Paddle Inference (oneDNN) forgets the factor behind a sum of integers.
        behind = begins.cumsum(axis=1) * m
        own = paddle.arange(n) + (room - behind[:, -1:]) + behind  # (b or 1, n), rising
        moved = paddle.where(kept > 0, positions + m * (number // e), positions)
        size = n + room
        source, filled = own, moved
        if not (isinstance(room, int) and room == 0):
            source, filled = self._fill(own, begins, moved, size)
        before = cache_length(cache) + lead + front + (0 if call.mems is None else sizes(call.mems[0])[1])
        vectors = (before - front + paddle.arange(front)).unsqueeze(0) if front else None
        tokens = before + own
        if cache is not None:
            vectors, earlier = self._columns_of(cache, held)
            tokens = join_rows(earlier, tokens)
        return Columns(own, source, filled, tokens, vectors, size, before + size, differ)

    def _room(self, n: Any, held: Any, *, differ: bool) -> Any:
        """Number of memory tokens among n new tokens behind those that are held, in front of the first left out."""
        if isinstance(held, int) and held == 0:
            return (n - 1) // self.every * self.count
        return self._memory(n) if differ else self._memory(held + n) - self._memory(held)

    def _memory(self, tokens: Any) -> Any:
        """Number of memory tokens of so many tokens."""
        return (tokens + self.every - 1) // self.every * self.count

    def _fill(self, own: Tensor, begins: Tensor, moved: Tensor, size: Any) -> tuple[Tensor, Tensor]:
        """Return what stands in each new column, and its position, both (b or 1, N)."""
        b, n = sizes(own)
        places = paddle.arange(size).unsqueeze(0).expand([b, -1])
        at = paddle.searchsorted(own, places)  # the first token that does not stand before the column
        ahead = picked(own, at) - places
        is_token = ahead == 0
        stands = paddle.logical_or(is_token, paddle.logical_and(ahead <= self.count, picked(begins, at) > 0))
        source = paddle.where(is_token, at, n + (self.count - ahead).clip(min=0))
        return source, paddle.where(stands, picked(moved, at) - ahead, paddle.full([1], PADDING, dtype="int64"))

    def _columns_of(self, cache: Cache, held: Any) -> tuple[Tensor | None, Tensor]:
        """Columns of the vectors in front, (b or 1, p) or None, and of the tokens in a cache, (b or 1, T)."""
        columns, p = token_columns(cache), prepended_length(cache)
        if columns is None:  # the segments of all rows begin at the same places
            number = paddle.arange(held)
            tokens = self.count + p + number + self.count * (number // self.every)
            columns = paddle.concat([self.count + paddle.arange(p), tokens]).unsqueeze(0)
        return (columns[:, :p] if p else None), columns[:, p:]

    @staticmethod
    def _rows(call: StackCall, positions: Tensor) -> Any:
        known = (call.attention_mask, None if call.cache is None else call.cache[0][0], call.mems and call.mems[0])
        return next(sizes(entry)[0] for entry in (*known, positions) if entry is not None)


def make_between(options: MemoryOptions) -> Between | None:
    """Return what stands between tokens, or None.

    Args:
        options: The memory fields.
    """
    every = options.memory_tokens_interspersed_every
    return None if every is None else Between(options.num_memory_tokens, every)


def tokens_held(cache: Cache | None, options: MemoryOptions) -> tuple[Any, Any]:
    """Return how many tokens a cache holds, padding included: at least and at most, for mems in it may be no tokens.

    Args:
        cache: A cache, or None.
        options: The memory fields.
    """
    if cache is None:
        return 0, 0
    between = make_between(options)
    if between is not None:
        held = between.held(cache)
        return held, held
    most = cache_length(cache) - options.num_memory_tokens - prepended_length(cache)
    fewest = most - options.max_mem_len
    return (max(fewest, 0) if isinstance(fewest, int) else fewest), most


def _with_one_more(t: Tensor, fill: Tensor | float, axis: int) -> Tensor:
    """Return (..., n, ...) with one more place behind the n."""
    if not isinstance(fill, Tensor):
        shape = sizes(t)
        fill = paddle.full([*shape[:axis], 1, *shape[axis + 1 :]], fill, dtype=t.dtype)
    return paddle.concat([t, fill], axis=axis)
