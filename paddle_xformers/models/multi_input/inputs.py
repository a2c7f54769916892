"""Tokens of several streams, by name or in one tensor; only shapes and types are looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import paddle
from paddle import Tensor

from ...errors import InputError
from ...nn.sizes import sizes

# One id of each stream at each place, (b, n, s), or a mapping from the names of the streams to (b, n).
Streams: TypeAlias = Tensor | Mapping[str, Tensor]

_INTEGERS = (paddle.int64, paddle.int32)


def stacked(name: str, streams: Streams | None, names: Sequence[str]) -> Tensor | None:
    """Return the ids of all streams as one tensor, (b, n, s), in the order of their names.

    Args:
        name: Name of the argument.
        streams: As the caller gave them, or None.
        names: Names of the streams.

    Raises:
        InputError: If a stream is missing or unknown, or the shapes or types are wrong.
    """
    if streams is None:
        return None
    if isinstance(streams, Mapping):
        if set(streams) != set(names):
            raise InputError(
                f"{name} holds the streams {sorted(streams)}, but those of this model are {sorted(names)} "
                "(stream_names); give each of them"
            )
        shapes = {key: list(value.shape) for key, value in streams.items()}
        if any(len(shape) != 2 or shape != shapes[names[0]] for shape in shapes.values()):
            raise InputError(f"{name} holds streams of the shapes {shapes}; give (batch, length) for each, all alike")
        streams = paddle.stack([streams[key] for key in names], axis=-1)
    ids: Any = streams
    shape = list(ids.shape)
    if len(shape) != 3 or shape[2] != len(names) or shape[1] == 0:
        raise InputError(
            f"{name} has shape {shape}; give (batch, length, {len(names)}), an id of each stream of {list(names)} at "
            "each place, or a mapping from their names to (batch, length)"
        )
    if ids.dtype not in _INTEGERS:
        raise InputError(f"{name} has dtype {ids.dtype}; token ids are int64 or int32")
    return ids


def check_streams(input_ids: Tensor | None, inputs_embeds: Tensor | None, width: int) -> tuple[Any, Any]:
    """Refuse anything but ids or embeddings; return batch size and number of new places.

    Args:
        input_ids: What `stacked` returned, (b, n, s) or None.
        inputs_embeds: Sums of embeddings, (b, n, width), or None.
        width: Width of the embeddings.

    Raises:
        InputError: If neither or both are given, or the embeddings do not fit.
    """
    if (input_ids is None) == (inputs_embeds is None):
        raise InputError("give either input_ids or inputs_embeds, one and not both")
    given: Any = input_ids if inputs_embeds is None else inputs_embeds
    if inputs_embeds is not None:
        shape = list(inputs_embeds.shape)
        if len(shape) != 3 or shape[2] != width or shape[1] == 0 or not inputs_embeds.is_floating_point():
            raise InputError(
                f"inputs_embeds has shape {shape} and dtype {inputs_embeds.dtype}; give floating point numbers, "
                f"(batch, length, emb_dim={width}), length >= 1"
            )
    return tuple(sizes(given)[:2])
