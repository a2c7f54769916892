"""Embeddings in front of the tokens, such as those of an image in front of a question (PaLI, 2209.06794)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import paddle
from paddle import Tensor

from ..errors import InputError
from ..nn.attention.cache import PADDING, Cache, prepended
from ..nn.attention.masks import MASKED
from ..nn.calls import StackCall
from ..nn.sizes import sizes


@dataclass(frozen=True)
class Prefix:
    """Vectors that stand in front of the embedded tokens, without positions of their own added to them.

    Tokens keep the positions that they have without them; the vectors have negative ones, and so have the memory tokens
    in front of them.

    Args:
        embeds: (b, p, e).
        mask: Which of them are no padding, (b, p), int or bool: > 0; None: all.
    """

    embeds: Tensor
    mask: Tensor | None = None

    @property
    def kept(self) -> Tensor:
        """Which of them are no padding, (b, p), 1 or 0."""
        if self.mask is None:
            return paddle.ones(sizes(self.embeds)[:2], dtype="int64")
        return (self.mask > 0).astype("int64")

    def in_front(self, positions: Tensor, call: StackCall) -> tuple[Tensor, StackCall]:
        """Put the vectors in front.

        Args:
            positions: Positions of the tokens, (b or 1, n).
            call: What is asked of the stack.

        Returns:
            Positions of vectors and tokens, (b, p + n), and the call with a mask over both.
        """
        kept = self.kept
        places = kept.cumsum(axis=1) - kept.sum(axis=1, keepdim=True) - 1
        own = paddle.where(kept > 0, places, paddle.full([1], PADDING, dtype="int64"))
        both = paddle.concat([own, positions + paddle.zeros_like(own[:, :1])], axis=1)
        mask = call.attention_mask
        if mask is None and self.mask is not None:
            mask = paddle.ones([sizes(kept)[0], sizes(positions)[1]], dtype="int64")
        mask = None if mask is None else joined(kept, mask)
        return both, dataclasses.replace(call, attention_mask=mask, prepended=kept)

    def mask_over_both(self, mask: Tensor | None, tokens: Tensor) -> Tensor | None:
        """Return the mask over vectors and tokens together.

        Args:
            mask: The mask over the tokens, (b, n), or None.
            tokens: Something with an entry for each of them, (b, n, ...).
        """
        if mask is None and self.mask is None:
            return None
        if mask is None:
            mask = paddle.ones(sizes(tokens)[:2], dtype="int64")
        return joined(self.kept, mask)


def joined(kept: Tensor, mask: Tensor) -> Tensor:
    """Put what is known of the vectors in front of a mask over the tokens.

    Args:
        kept: Which vectors are no padding, (b, p), 1 or 0.
        mask: (b, n), int, bool or float.

    Returns:
        (b, p + n).
    """
    if mask.is_floating_point():
        kept = paddle.where(kept > 0, paddle.zeros([1], mask.dtype), paddle.full([1], MASKED, mask.dtype))
    else:
        mask = mask.astype("int64") if mask.dtype == paddle.bool else (mask > 0).astype("int64")
    return paddle.concat([kept, mask], axis=1)


def make_prefix(
    embeds: Tensor | None,
    mask: Tensor | None,
    attention_mask: Tensor | None,
    width: int,
    names: tuple[str, str] = ("prepend_embeds", "prepend_mask"),
    *,
    cache: Cache | None = None,
) -> Prefix | None:
    """Return the prefix that a caller gave, or None.

    Args:
        embeds: (b, p, e), or None.
        mask: (b, p), or None.
        attention_mask: The mask over the tokens, or None.
        width: The width that the vectors must have, e.
        names: Names of the first two arguments.
        cache: The tokens before, or None.

    Raises:
        InputError: If a shape or type is wrong, the mask over the tokens does not tell padding alone, or there are
            tokens before.
    """
    held = prepended(cache) is not None
    if embeds is None and mask is not None:
        raise InputError(f"{names[1]} has no effect without {names[0]}; give both or none")
    if (embeds is not None or held) and attention_mask is not None and attention_mask.ndim != 2:
        raise InputError(
            f"attention_mask has shape {list(attention_mask.shape)}, but beside {names[0]} it must tell padding alone; "
            "give (batch, tokens)"
        )
    if embeds is None:
        return None
    if cache is not None:
        raise InputError(
            f"{names[0]} goes in front of the first token: give it with the first call; past_key_values holds it then"
        )
    shape = list(embeds.shape)
    if len(shape) != 3 or shape[2] != width or shape[1] == 0 or not embeds.is_floating_point():
        raise InputError(
            f"{names[0]} has shape {shape} and dtype {embeds.dtype}; give floating point vectors, (batch, length, "
            f"{width}): as wide as the embeddings (emb_dim, or dim), length >= 1"
        )
    if mask is not None and (list(mask.shape) != shape[:2] or mask.is_floating_point()):
        raise InputError(
            f"{names[1]} has shape {list(mask.shape)} and dtype {mask.dtype}; give int or bool, {shape[:2]}: one for "
            f"each place of {names[0]}"
        )
    return Prefix(embeds, mask)


def tokens_of(result: Tensor, embeds: Tensor | None, excised: bool) -> Tensor:
    """Return the part of a result that belongs to tokens, (b, n, ...).

    Args:
        result: (b, n, ...), or (b, p + n, ...).
        embeds: What was put in front of them, (b, p, e), or None.
        excised: Whether the result is without that.
    """
    return result if embeds is None or excised else result[:, sizes(embeds)[1] :]
