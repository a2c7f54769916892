"""One place that decides who may look at whom.

A mask is made once for each forward and handed down to every layer. Callers may write theirs as integers or
booleans (keep where > 0) or as floats (added to the scores), with 2, 3 or 4 axes.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import paddle
from paddle import Tensor

from ...errors import InputError
from ..sizes import sizes

# Added to the score of a key that may not be seen. Finite, so that a row with no key has finite gradients.
MASKED = -1e30
# A float mask hides a key when it adds less than this; generation loops write -1e4 (half) or -1e6.
HIDDEN_BELOW = -9e3


@dataclass(frozen=True)
class Mask:
    """Who may look at whom in one forward.

    Args:
        bias: Everything that is added to the scores, (b or 1, h or 1, n, m), causality included; None: nothing.
        key_bias: The part that depends on the key alone, (b, m); None: nothing of this kind.
        causal: Whether queries see only keys up to their own position (right-aligned).
        simple: Whether `causal` and `key_bias` say it all, so that a kernel need not read `bias`.
        visible: 1.0 where a query sees at least one key, else 0.0: (b or 1, h or 1, n, 1). None: all do.
    """

    bias: Tensor | None
    key_bias: Tensor | None
    causal: bool
    simple: bool
    visible: Tensor | None

    def with_keys_in_front(self, m: int, seen: Tensor | None = None, dtype: Any = "float32") -> Mask:
        """Return the mask with further keys in front, which every query sees.

        Args:
            m: Number of all keys.
            seen: Which of those in front are seen nevertheless, (b, t), as in `make_mask`; None: all.
            dtype: Type of the scores.
        """
        bias = None if self.bias is None else lead_with_zeros(self.bias, m)
        visible = None
        if seen is not None:
            hidden = as_bias(seen, dtype)  # (b, t)
            if self.visible is not None:
                any_of_them = (hidden > HIDDEN_BELOW).any(axis=-1, keepdim=True).astype(self.visible.dtype)
                visible = paddle.maximum(self.visible, any_of_them.unsqueeze([1, 2]))
            behind = paddle.zeros([sizes(hidden)[0], m - sizes(hidden)[1]], dtype=dtype)
            in_front = paddle.concat([hidden, behind], axis=-1).unsqueeze([1, 2])  # (b, 1, 1, m)
            bias = in_front if bias is None else bias + in_front
        return dataclasses.replace(self, bias=bias, key_bias=None, causal=False, simple=False, visible=visible)


def causal_bias(n: int, m: int, dtype: Any) -> Tensor:
    """Return the right-aligned causal mask as a bias, (n, m): the last query sees every key."""
    rows = paddle.arange(n).unsqueeze(-1) + (m - n)
    return paddle.where(paddle.arange(m) <= rows, paddle.zeros([1], dtype=dtype), paddle.full([1], MASKED, dtype=dtype))


def make_mask(
    attention_mask: Tensor | None,
    *,
    n: int,
    m: int,
    causal: bool,
    key_valid: Tensor | None = None,
    key_mask: Tensor | None = None,
    seen_by_all: Tensor | None = None,
    lead_rows: int = 0,
    room: int = 0,
    rows: int | None = None,
    heads: int | None = None,
    dtype: Any = "float32",
) -> Mask:
    """Combine the caller's mask, causality and what is known of the keys.

    Args:
        attention_mask: (b, keys), (b, n, keys) or (b or 1, h or 1, n or 1, keys), int, bool or float, or None.
            `keys` may be less than m: what stands in front (mems, memory tokens) is then visible.
        n: Number of queries.
        m: Number of keys, spare room left out.
        causal: Whether queries see only keys up to their own position.
        key_valid: Keys that are no padding, (b, m), boolean; None: all.
        key_mask: A further mask over the keys, (b, keys), which says nothing of padding, or None.
        seen_by_all: Keys that causality does not hide from queries before them, (b or 1, m), boolean; None: none.
        lead_rows: Memory tokens at the start of the queries, which the caller's mask does not cover.
        room: Spare places behind the keys, which nobody sees.
        rows: Batch size, for checking the mask's; None: not checked.
        heads: Number of heads, for checking the mask's; None: not checked.
        dtype: Type of the scores.

    Raises:
        InputError: If the mask's type or shape fits neither the queries nor the keys.
    """
    key_bias = None if key_valid is None else as_bias(key_valid, dtype)
    rest = None
    if key_mask is not None:
        hidden = lead_with_zeros(as_bias(key_mask, dtype), m)
        key_bias = hidden if key_bias is None else key_bias + hidden
    if attention_mask is not None:
        given = as_bias(attention_mask, dtype)
        if paddle.in_dynamic_mode():
            _check_shape(attention_mask, n - lead_rows, m, rows, heads)
        if given.ndim == 2:
            given = lead_with_zeros(given, m)
            key_bias = given if key_bias is None else key_bias + given
        else:
            rest = lead_with_zeros(given if given.ndim == 4 else given.unsqueeze(1), m)
            if lead_rows and rest.shape[2] != 1:
                # A memory token sees what any token sees: keys hidden from all stay hidden.
                top = rest.max(axis=2, keepdim=True).expand([-1, -1, lead_rows, -1])
                rest = paddle.concat([top, rest], axis=2)
    bias = None if key_bias is None else key_bias.unsqueeze([1, 2])  # (b, 1, 1, m)
    if rest is not None:
        bias = rest if bias is None else bias + rest
    if causal and not (isinstance(n, int) and n == 1):
        triangle = causal_bias(n, m, dtype).unsqueeze([0, 1])  # (1, 1, n, m)
        if seen_by_all is not None:
            triangle = paddle.where(seen_by_all.unsqueeze([1, 2]), paddle.zeros([1], dtype=dtype), triangle)
        bias = triangle if bias is None else bias + triangle
    visible = None
    if (
        attention_mask is not None or key_mask is not None
    ) and bias is not None:  # without a mask every new token sees itself
        visible = (bias > HIDDEN_BELOW).any(axis=-1, keepdim=True).astype(dtype)
    if room:
        width = [1, 1, 1] if bias is None else bias.shape[:3]
        known = paddle.zeros([*width, m], dtype=dtype) if bias is None else bias
        bias = paddle.concat([known, paddle.full([*width, room], MASKED, dtype=dtype)], axis=-1)
    simple = rest is None and seen_by_all is None and not room
    return Mask(bias, key_bias, causal, simple=simple, visible=visible)


def windowed(mask: Mask, q_positions: Tensor, k_positions: Tensor, past: int, dtype: Any) -> Mask:
    """Hide keys that lie too far before a query (2004.05150).

    Args:
        mask: Who may look at whom without the window.
        q_positions: Positions of the queries, (b or 1, n).
        k_positions: Positions of the keys, spare room included, (b or 1, m).
        past: How many tokens before itself a query sees.
        dtype: Type of the scores.
    """
    too_far = (q_positions.unsqueeze(-1) - k_positions.unsqueeze(1) > past).unsqueeze(1)  # (b or 1, 1, n, m)
    bias = paddle.where(too_far, paddle.full([1], MASKED, dtype=dtype), paddle.zeros([1], dtype=dtype))
    if mask.bias is not None:
        bias = bias + mask.bias
    visible = mask.visible
    if visible is not None:
        visible = (bias > HIDDEN_BELOW).any(axis=-1, keepdim=True).astype(dtype)
    return dataclasses.replace(mask, bias=bias, simple=False, visible=visible)


def as_bias(mask: Tensor, dtype: Any) -> Tensor:
    """Return a mask as what is added to scores.

    Args:
        mask: In any of the accepted types and shapes.
        dtype: Type of the scores.

    Raises:
        InputError: If it is of another type.
    """
    if mask.is_floating_point():
        return mask.astype(dtype).clip(min=MASKED)  # minus infinity would make rows without a key nan
    if mask.dtype not in (paddle.bool, paddle.int32, paddle.int64, paddle.uint8, paddle.int8, paddle.int16):
        raise InputError(
            f"attention_mask has dtype {mask.dtype}; give bool or int (keep where > 0) or float (added to the scores)"
        )
    keep = mask if mask.dtype == paddle.bool else mask > 0
    return paddle.where(keep, paddle.zeros([1], dtype=dtype), paddle.full([1], MASKED, dtype=dtype))


def _check_shape(mask: Tensor, n: int, m: int, rows: int | None, heads: int | None) -> None:
    shape = list(mask.shape)
    fits = len(shape) in (2, 3, 4) and shape[-1] <= m
    if fits and rows is not None:
        fits = shape[0] in (1, rows) if len(shape) > 2 else shape[0] == rows
    if fits and len(shape) > 2:
        fits = shape[-2] in (1, n)
    if fits and len(shape) == 4 and heads is not None:
        fits = shape[1] in (1, heads)
    if not fits:
        raise InputError(
            f"attention_mask has shape {shape}, which does not fit {n} new tokens and {m} keys; give (batch, keys), "
            "(batch, new tokens, keys) or (batch, heads or 1, new tokens, keys), keys counting past and new tokens"
        )


def over_all(given: Tensor, n: int, m: int, room: int) -> Tensor:
    """Spread what was given for tokens over memory tokens, mems and spare room: there it is zero.

    Args:
        given: (b or 1, h or 1, tokens or 1, keys); axes in front may be left out.
        n: Number of queries; memory tokens stand in front of the tokens.
        m: Number of keys, spare room included.
        room: Number of spare places behind the keys.

    Returns:
        (b or 1, h or 1, n or 1, m).
    """
    given = given.unsqueeze(list(range(4 - given.ndim))) if given.ndim < 4 else given
    if room:
        given = paddle.concat([given, paddle.zeros([*sizes(given)[:3], room], dtype=given.dtype)], axis=-1)
    given = lead_with_zeros(given, m)
    b, h, rows, keys = sizes(given)
    missing = n - rows
    if isinstance(rows, int) and rows == 1 or isinstance(missing, int) and missing == 0:
        return given
    return paddle.concat([paddle.zeros([b, h, missing, keys], dtype=given.dtype), given], axis=2)


def lead_with_zeros(bias: Tensor, m: int) -> Tensor:
    """Put zeros in front of the keys of a bias, (..., keys), so that there are m: what stands there stays visible.

    Args:
        bias: Something that is added to scores.
        m: Number of all keys.
    """
    missing = m - sizes(bias)[-1]
    if isinstance(missing, int) and not missing:
        return bias
    return paddle.concat([paddle.zeros([*sizes(bias)[:-1], missing], dtype=bias.dtype), bias], axis=-1)
