"""Prompts of generate() that cannot be continued are refused here; unlike a forward, it may look at values."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ..errors import InputError


def check_ids(name: str, ids: Tensor, num_tokens: int, field: str) -> None:
    """Refuse a prompt that is not ids of the vocabulary, at least one a row.

    Args:
        name: Name of the argument.
        ids: The prompt, (b, n).
        num_tokens: Size of the vocabulary.
        field: Name of the field that holds it.

    Raises:
        InputError: If the shape, the type or an id is not allowed.
    """
    if ids.ndim != 2 or 0 in ids.shape:
        raise InputError(f"{name} has shape {list(ids.shape)}; give (batch, length), at least one token a prompt")
    if ids.dtype not in (paddle.int64, paddle.int32):
        raise InputError(f"{name} has dtype {ids.dtype}; token ids are int64 or int32")
    low, high = int(ids.min()), int(ids.max())
    if low < 0 or high >= num_tokens:
        raise InputError(
            f"{name} holds the id {low if low < 0 else high}; allowed is 0 to {num_tokens - 1} "
            f"({field} - 1); use the tokenizer that belongs to this model"
        )


def check_room(prompt: int, generation_config: Any, kwargs: dict[str, Any], limit: int, field: str) -> int:
    """Refuse to generate nothing, and more than the model has positions for; return the number of new tokens.

    Args:
        prompt: Number of tokens of the prompt.
        generation_config: Defaults for what is not given by keyword.
        kwargs: Keywords of generate().
        limit: Most tokens of a sequence; 0: no limit.
        field: Name of the field that holds it.

    Raises:
        InputError: If no token is asked for, or more than fit.
    """
    new = kwargs.get("max_new_tokens", kwargs.get("max_length"))
    if new is None:
        new = generation_config.max_length or generation_config.max_new_tokens
    if new < 1:
        raise InputError(f"max_new_tokens={new} is not allowed; ask for at least 1 token")
    if limit and prompt + new > limit:
        raise InputError(
            f"a prompt of {prompt} tokens and max_new_tokens={new} make {prompt + new}, more than "
            f"{field}={limit}; shorten the prompt or lower max_new_tokens to at most {max(limit - prompt, 0)}"
        )
    return int(new)


def check_cover(name: str, given: Tensor | None, tokens: int) -> None:
    """Refuse an argument with an entry for each token that leaves out some of those to come.

    Args:
        name: Name of the argument.
        given: (b, all, c); what has two axes is for all tokens; or None.
        tokens: Number of tokens that there will be at most.

    Raises:
        InputError: If it covers fewer.
    """
    if given is not None and given.ndim == 3 and given.shape[1] < tokens:
        raise InputError(
            f"{name} covers {given.shape[1]} tokens, but prompt and new tokens are {tokens}; give one for each, "
            "(batch, tokens, width)"
        )
