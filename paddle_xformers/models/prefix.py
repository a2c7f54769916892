"""Embeddings in front of the tokens, such as those of an image in front of a question (PaLI, 2209.06794)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import paddle
from paddle import Tensor

from ..errors import InputError
from ..nn.attention.cache import PADDING
from ..nn.attention.masks import MASKED
from ..nn.calls import StackCall
from ..nn.sizes import sizes


@dataclass(frozen=True)
class Prefix:
    """Vectors of the stack's width that stand in front of the embedded tokens.

    Relative positions count them before the tokens; learned positions are those of the tokens alone.

    Args:
        embeds: (b, p, d).
        mask: Which of them are no padding, (b, p), int or bool: > 0; None: all.
    """

    embeds: Tensor
    mask: Tensor | None = None

    def in_front(self, x: Tensor, positions: Tensor, call: StackCall) -> tuple[Tensor, Tensor, StackCall]:
        """Put the vectors in front.

        Args:
            x: Embedded tokens, (b, n, d).
            positions: Their positions, (b or 1, n).
            call: What is asked of the stack.

        Returns:
            The same of vectors and tokens together: (b, p + n, d), (b, p + n), and the call with a mask over both.
        """
        b, p = sizes(self.embeds)[:2]
        kept = paddle.ones([b, p], dtype="int64") if self.mask is None else (self.mask > 0).astype("int64")
        padding = paddle.full([1], PADDING, dtype="int64")
        own = paddle.where(kept > 0, kept.cumsum(axis=1) - 1, padding)
        behind = positions + kept.sum(axis=1, keepdim=True)
        places = paddle.concat([own, paddle.where(positions > PADDING, behind, padding)], axis=1)
        mask = self.joined(call.attention_mask, x)
        both = paddle.concat([self.embeds.astype(x.dtype), x], axis=1)
        return both, places, dataclasses.replace(call, attention_mask=mask)

    def joined(self, mask: Tensor | None, tokens: Tensor) -> Tensor | None:
        """Return the mask over vectors and tokens together.

        Args:
            mask: The mask over the tokens, (b, n), or None.
            tokens: Something with an entry for each of them, (b, n, ...).
        """
        if mask is None and self.mask is None:
            return None
        b, p = sizes(self.embeds)[:2]
        if mask is None:
            mask = paddle.ones(sizes(tokens)[:2], dtype="int64")
        own = paddle.ones([b, p], dtype="int64") if self.mask is None else (self.mask > 0).astype("int64")
        if mask.is_floating_point():
            own = paddle.where(own > 0, paddle.zeros([1], mask.dtype), paddle.full([1], MASKED, mask.dtype))
        else:
            mask = (mask > 0).astype("int64")
        return paddle.concat([own, mask], axis=1)


def make_prefix(
    embeds: Tensor | None, mask: Tensor | None, attention_mask: Tensor | None, width: int, names: tuple[str, str]
) -> Prefix | None:
    """Return the prefix that a caller gave, or None.

    Args:
        embeds: (b, p, d), or None.
        mask: (b, p), or None.
        attention_mask: The mask over the tokens, or None.
        width: The width that the vectors must have, d.
        names: Names of the first two arguments.

    Raises:
        InputError: If a shape or type is wrong, or the mask over the tokens does not tell padding alone.
    """
    if embeds is None:
        if mask is not None:
            raise InputError(f"{names[1]} has no effect without {names[0]}; give both or none")
        return None
    shape = list(embeds.shape)
    if len(shape) != 3 or shape[2] != width or not embeds.is_floating_point():
        raise InputError(
            f"{names[0]} has shape {shape} and dtype {embeds.dtype}; give floating point vectors, (batch, length, "
            f"dim={width})"
        )
    if mask is not None and (list(mask.shape) != shape[:2] or mask.is_floating_point()):
        raise InputError(
            f"{names[1]} has shape {list(mask.shape)} and dtype {mask.dtype}; give int or bool, {shape[:2]}: one for "
            f"each place of {names[0]}"
        )
    if attention_mask is not None and attention_mask.ndim != 2:
        raise InputError(
            f"attention_mask has shape {list(attention_mask.shape)}, but beside {names[0]} it must tell padding alone; "
            "give (batch, tokens)"
        )
    return Prefix(embeds, mask)
