"""What a step of generation hands to the next: room in the cache, masks that grow, entries of single tokens."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ..nn.attention.cache import Cache, reserve
from ..nn.places import kept_tokens
from ..nn.sizes import sizes
from ..nn.stack import Stack


def with_room(cache: Cache, stack: Stack) -> Cache:
    """Return a cache with room for the next token, and for the memory tokens that may stand in front of it.

    Args:
        cache: A cache.
        stack: The stack that it belongs to.
    """
    memory = stack.options.memory
    least = 1 if memory.memory_tokens_interspersed_every is None else 1 + memory.num_memory_tokens
    return reserve(cache, stack.steps, least)


def without_needless(mask: Tensor | None, stack: Stack) -> Tensor | None:
    """Return the mask of prompts; None where none has padding and the stack is faster if it knows.

    Args:
        mask: (b, prompt), or a mask of another kind, or None.
        stack: The stack.
    """
    if mask is None or stack.options.memory.memory_tokens_interspersed_every is None or not paddle.in_dynamic_mode():
        return mask
    kept = kept_tokens(mask)
    return mask if kept is None or not bool(kept.all()) or mask.is_floating_point() else None


def of_step(given: Tensor | None, n: int, *, cached: bool) -> Tensor | None:
    """Return what a step needs of an argument that has an entry for each token, those to come as well.

    Args:
        given: (b, all, c); what has two axes is for all tokens and returned as it is; or None.
        n: Number of tokens so far.
        cached: Whether only the last of them is new.
    """
    if given is None or given.ndim == 2:
        return given
    return given[:, n - 1 : n] if cached else given[:, :n]


def with_zeros(given: Tensor | None, n: int) -> Tensor | None:
    """Return what is added to the embeddings of a prompt, and zeros for the tokens after it, (b, n, e).

    Args:
        given: What the caller gave, (b, prompt, e), or None.
        n: Number of tokens so far.
    """
    if given is None or given.shape[1] >= n:
        return given
    b, prompt, width = given.shape
    return paddle.concat([given, paddle.zeros([b, n - prompt, width], given.dtype)], axis=1)


def mask_of_last_token(mask: Tensor | None) -> Tensor | None:
    """Return what a step with a cache needs of a mask over all tokens.

    Args:
        mask: (b, all), (b, n, all) or (b, h, n, all) in any of the accepted types, or None.
    """
    if mask is None or (mask.ndim == 2 and not mask.is_floating_point()):
        return None  # the cache remembers which of its tokens are padding
    return mask if mask.ndim == 2 else mask[..., -1:, :]


def grown_mask(mask: Tensor) -> Tensor:
    """Return a mask with one more token, which all later tokens may look at.

    Args:
        mask: (b, all), (b, n, all) or (b, h, n, all) in any of the accepted types.
    """
    see = paddle.zeros if mask.is_floating_point() else paddle.ones
    if mask.ndim > 2 and mask.shape[-2] > 1:
        mask = paddle.concat([mask, mask[..., -1:, :]], axis=-2)
    return paddle.concat([mask, see([*sizes(mask)[:-1], 1], dtype=mask.dtype)], axis=-1)
