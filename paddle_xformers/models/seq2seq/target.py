"""The target as the decoder reads it: the labels, one place to the right."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ...errors import InputError
from ...nn.sizes import sizes


def start_token(config: Any, given: int | None = None) -> int:
    """Return the token that every target begins with.

    Args:
        config: The configuration: its decoder_start_token_id, else its bos_token_id.
        given: What the caller of generate() asks for, or None.

    Raises:
        InputError: If there is none, or it is outside the vocabulary.
    """
    for token in (given, config.decoder_start_token_id, config.bos_token_id):
        if token is not None:
            if not 0 <= token < config.dec_num_tokens:
                raise InputError(
                    f"decoder_start_token_id={token} is outside the vocabulary: allowed is 0 to "
                    f"{config.dec_num_tokens - 1} (dec_num_tokens - 1)"
                )
            return int(token)
    raise InputError(
        "decoder_start_token_id=None and bos_token_id=None leave open what a target begins with; set one of them in "
        "the configuration, or give decoder_input_ids"
    )


def shifted_right(labels: Tensor, start: int, pad: int, ignored: int) -> Tensor:
    """Return what the decoder reads when it shall predict the labels.

    Args:
        labels: (b, n).
        start: The token in front.
        pad: The token in place of ignored labels.
        ignored: Label of places that take no part in the loss.

    Raises:
        InputError: If there are not two axes.
    """
    if labels.ndim != 2:
        raise InputError(f"labels has shape {list(labels.shape)}; give (batch, target length)")
    front = paddle.full([sizes(labels)[0], 1], start, dtype=labels.dtype)
    shifted = paddle.concat([front, labels[:, :-1]], axis=1)
    return paddle.where(shifted == ignored, paddle.full([1], pad, dtype=labels.dtype), shifted)
