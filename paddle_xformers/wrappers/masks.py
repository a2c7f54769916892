"""The masks of a call, as x-transformers takes them, as one mask and positions, as our models take them."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ..errors import InputError


def combine_masks(
    mask: Tensor | None,
    attn_mask: Tensor | None,
    pos: Tensor | None = None,
) -> tuple[Tensor | None, Tensor | None]:
    """Return the attention mask and the positions that a model is called with.

    Args:
        mask: Which tokens are no padding, (b, n).
        attn_mask: Who may look at whom, (n, n), (h, n, n) or (b, h, n, n).
        pos: Positions, (n) or (b, n).

    Raises:
        InputError: If a mask has another number of axes.
    """
    if mask is not None and mask.ndim != 2:
        raise InputError(f"mask has shape {list(mask.shape)}; give (batch, length), true for what is no padding")
    if attn_mask is None:
        return mask, pos
    if attn_mask.ndim not in (2, 3, 4):
        raise InputError(
            f"attn_mask has shape {list(attn_mask.shape)}; give (n, n), (heads, n, n) or (batch, heads, n, n)"
        )
    seen = attn_mask.reshape([1] * (4 - attn_mask.ndim) + list(attn_mask.shape)) > 0
    if mask is not None:
        seen = paddle.logical_and(seen, (mask > 0).unsqueeze([1, 2]))  # (b, 1, 1, n)
    if mask is not None and pos is None:  # a mask of four axes tells no padding
        pos = ((mask > 0).astype("int64").cumsum(axis=-1) - 1).clip(min=0)
    return seen, pos


def left_padding(mask: Tensor | None, seq_start_pos: Tensor | None, n: int) -> Tensor | None:
    """Add the left padding of each row to a mask.

    Args:
        mask: Which tokens are no padding, (b, n), or None.
        seq_start_pos: Index of the first token of each row, (b), or None.
        n: Number of tokens.
    """
    if seq_start_pos is None:
        return mask
    started = paddle.arange(n) >= seq_start_pos.unsqueeze(-1)
    return started if mask is None else paddle.logical_and(mask > 0, started)


def prefix_mask(n: int, prefix_attn_len: Tensor | int | None, attn_mask: Tensor | None = None) -> Tensor:
    """Return who may look at whom where all may look at a prefix, and else backwards: (b or 1, 1 or h, n, n).

    Args:
        n: Number of places.
        prefix_attn_len: Length of the prefix, for all rows or for each, (b); None: there is none.
        attn_mask: Who may look at whom besides, (n, n), (h, n, n) or (b, h, n, n), or None.

    Raises:
        InputError: If a length for each row has another number of axes than one, or attn_mask has none that fits.
    """
    places = paddle.arange(n)
    seen = (places.unsqueeze(0) <= places.unsqueeze(-1)).reshape([1, 1, n, n])
    if prefix_attn_len is not None:
        lengths = prefix_attn_len
        if isinstance(lengths, Tensor) and lengths.ndim != 1:
            raise InputError(f"prefix_attn_len has shape {list(lengths.shape)}; give a number, or (batch), one a row")
        if isinstance(lengths, Tensor):
            lengths = lengths.reshape([-1, 1, 1, 1])
        seen = paddle.logical_or(seen, places.reshape([1, 1, 1, n]) < lengths)
    return seen if attn_mask is None else paddle.logical_and(seen, combine_masks(None, attn_mask)[0])
