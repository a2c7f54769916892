"""Vectors, lengths and labels that do not fit the model are refused here; only shapes and types are looked at."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ...errors import InputError
from ...nn.sizes import sizes

_INTEGERS = (paddle.int64, paddle.int32)
_FLOATS = (paddle.float32, paddle.float64, paddle.float16, paddle.bfloat16)


def check_vectors(inputs: Tensor | None, width: int) -> tuple[Any, Any]:
    """Refuse anything but rows of vectors; return batch size and number of new vectors.

    Args:
        inputs: (b, n, width).
        width: The width of the vectors.

    Raises:
        InputError: If there are none, or the shape or type is wrong.
    """
    if inputs is None:
        raise InputError(f"inputs is missing; give vectors, (batch, length, {width})")
    shape = list(inputs.shape)
    if len(shape) != 3 or shape[2] != width or shape[1] == 0:
        raise InputError(f"inputs has shape {shape}; give (batch, length, {width}), length >= 1 (dim_in, or dim)")
    if inputs.dtype not in _FLOATS:
        raise InputError(f"inputs has dtype {inputs.dtype}; vectors are floating point numbers: use .astype('float32')")
    return tuple(sizes(inputs)[:2])


def check_lengths(lens: Tensor, b: int, attention_mask: Tensor | None, past: Any) -> None:
    """Refuse lengths that are not one integer a row, or that stand beside what says the same.

    Args:
        lens: (b).
        b: Batch size.
        attention_mask: The caller's mask, or None.
        past: A cache, or None.

    Raises:
        InputError: If they do not fit.
    """
    if attention_mask is not None:
        raise InputError(
            "lens and attention_mask exclude each other: lens is a mask with padding on the right; give one"
        )
    if past is not None:
        raise InputError("lens tells the lengths of whole rows; beside past_key_values give attention_mask")
    open_size = not isinstance(b, int)  # while a graph is traced
    if lens.dtype not in _INTEGERS or lens.ndim != 1 or not (open_size or lens.shape[0] == b):
        raise InputError(
            f"lens has shape {list(lens.shape)} and dtype {lens.dtype}; give one int64 or int32 a row: [{b}]"
        )


def check_vector_labels(labels: Tensor, predictions: Tensor) -> None:
    """Refuse labels that are not one vector for each place.

    Args:
        labels: (b, n, dim_out).
        predictions: Likewise.

    Raises:
        InputError: If the shape or type is wrong.
    """
    if list(labels.shape) != list(predictions.shape):
        raise InputError(
            f"labels has shape {list(labels.shape)}, but must have that of the predictions, {list(predictions.shape)} "
            "(dim_out, or dim, is the last)"
        )
    if labels.dtype not in _FLOATS:
        raise InputError(f"labels has dtype {labels.dtype}; vectors are floating point numbers: use .astype('float32')")
