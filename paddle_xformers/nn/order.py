"""The order in which layers run in one forward, where the caller asks for another than the configuration's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paddle import Tensor

from ..errors import InputError
from .layer import Layer


def order_asked_for(
    order: Sequence[int] | None,
    repeat_blocks: Sequence[Any] | None,
    usual: tuple[int, ...],
    block_length: int,
    layers: Sequence[Layer],
) -> tuple[int, ...]:
    """Return the layers that run in this forward, in their order.

    Args:
        order: Indices of built layers, or None.
        repeat_blocks: Blocks that run more than once, or None.
        usual: The order of the configuration.
        block_length: How many steps of it make a block.
        layers: The built layers.

    Raises:
        InputError: If both are given, there is no such layer or block, or a layer would run before one that it needs.
    """
    if order is not None and repeat_blocks is not None:
        raise InputError("layers_execute_order and repeat_blocks both say what runs; give one of them")
    if repeat_blocks is not None:
        order = _repeated(repeat_blocks, usual, block_length)
    asked = tuple(order or ())
    if not asked or any(not isinstance(index, int) or not 0 <= index < len(layers) for index in asked):
        raise InputError(
            f"layers_execute_order={order!r} must hold at least one index, each from 0 to {len(layers) - 1}: the model "
            f"has {len(layers)} layers"
        )
    run: set[int] = set()
    for index in asked:
        missing = {other for part in layers[index].lookbacks for other in part.needs} - run
        if missing:
            raise InputError(
                f"in layers_execute_order={list(asked)} layer {index} runs before layer {min(missing)}, which it looks "
                "back at (integrate_layers, unet_skips); let that one run first"
            )
        run.add(index)
    return asked


def _repeated(repeat_blocks: Sequence[Any], usual: tuple[int, ...], block_length: int) -> tuple[int, ...]:
    """The usual order with some of its blocks repeated."""
    blocks = [usual[at : at + block_length] for at in range(0, len(usual), block_length)]
    groups = [repeat_blocks] if len(repeat_blocks) == 2 and isinstance(repeat_blocks[1], int) else repeat_blocks
    order: list[int] = []
    at = 0
    for first, last, times in sorted(_group(group, len(blocks)) for group in groups):
        if first < at:
            raise InputError(f"repeat_blocks={repeat_blocks!r} names block {first} twice; give each block once")
        order += [index for block in blocks[at:first] for index in block]
        order += [index for block in blocks[first : last + 1] for index in block] * times
        at = last + 1
    return tuple(order + [index for block in blocks[at:] for index in block])


def _group(group: Any, blocks: int) -> tuple[int, int, int]:
    """The first and the last block of a group, and how often it runs."""
    try:
        which, times = group
        first, last = (which, which) if isinstance(which, int) else which
        fits = 0 <= first <= last < blocks and times >= 1 and isinstance(times, int)
    except (TypeError, ValueError):
        fits = False
    if not fits:
        raise InputError(
            f"repeat_blocks has {group!r}; give (block, times) or ((first, last), times) with blocks from 0 to "
            f"{blocks - 1} and at least one time"
        )
    return first, last, times


def check_transform(transform: Any, blocks: int) -> None:
    """Refuse functions of block inputs that would never be called.

    Args:
        transform: As `transform_block_inputs`.
        blocks: How many blocks run.

    Raises:
        InputError: If it is neither a function nor functions by the number of a block that runs.
    """
    if transform is None or (callable(transform) and not isinstance(transform, Mapping)):
        return
    by_block = isinstance(transform, Mapping) and all(map(callable, transform.values()))
    if not by_block or any(block not in range(1, blocks + 1) for block in transform):
        raise InputError(
            f"transform_block_inputs={transform!r} must be a function of the block and the stream, or a dictionary of "
            f"functions of the stream by block, counted from 1 to {blocks}"
        )


def transformed(transform: Any, block: int, streams: Tensor) -> Tensor:
    """Return the streams as they shall enter a block.

    Args:
        transform: As `transform_block_inputs`.
        block: The block, counted from 1.
        streams: The streams.
    """
    if isinstance(transform, Mapping):
        return transform[block](streams) if block in transform else streams
    return transform(block, streams)
