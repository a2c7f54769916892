"""Numbers that do not fit the tokens are refused here; only shapes and types are looked at."""

from __future__ import annotations

import paddle
from paddle import Tensor

from ...errors import InputError

_FLOATS = (paddle.float32, paddle.float64, paddle.float16, paddle.bfloat16)


def check_numbers(name: str, numbers: Tensor | None, ids: Tensor | None, ids_name: str) -> None:
    """Refuse numbers that are not one for each token.

    Args:
        name: Name of the argument.
        numbers: (b, n), or None.
        ids: The tokens, (b, n), or None if the caller gave embeddings.
        ids_name: Name of their argument.

    Raises:
        InputError: If the shape or type is wrong, or there are no tokens.
    """
    if numbers is None:
        return
    if ids is None:
        raise InputError(
            f"{name} goes with {ids_name}: inputs_embeds must hold the products already, as "
            "embeddings.look_up(input_ids, input_numbers) gives them; leave one of them out"
        )
    if list(numbers.shape) != list(ids.shape):
        raise InputError(
            f"{name} has shape {list(numbers.shape)}, but must have that of {ids_name}, {list(ids.shape)}: one for "
            "each token, of which those at other tokens than numbers have no effect"
        )
    if numbers.dtype not in _FLOATS:
        raise InputError(f"{name} has dtype {numbers.dtype}; numbers are floating point: use .astype('float32')")
