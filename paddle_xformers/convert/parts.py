"""Models of x-transformers that hold several stacks: which of the weights belong to which."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import CheckpointError
from .table import listed


def by_part(state_dict: Mapping[str, Any], parts: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Return the weights of each part of an XTransformer, without the level of the part.

    Args:
        state_dict: All weights.
        parts: Names of the parts.

    Raises:
        CheckpointError: If a name begins with none of them.
    """
    result: dict[str, dict[str, Any]] = {part: {} for part in parts}
    unknown = []
    for name, value in state_dict.items():
        part, _, rest = name.partition(".")
        if part in result:
            result[part][rest] = value
        else:
            unknown.append(name)
    if unknown:
        raise CheckpointError(
            f"the weights hold {listed(unknown)}, but those of an XTransformer begin with 'encoder.' or 'decoder.'; "
            "give model.state_dict() of the whole model"
        )
    return result


def pooling_blocks(state_dict: Mapping[str, Any], config: Any) -> tuple[dict[str, Any], Mapping[str, Any]]:
    """Return the weights of the blocks of an attention pooling, named as those of a stack, and all others.

    Args:
        state_dict: All weights of a model with one stack.
        config: Its configuration; only with attn_pool_depth > 1 there are any.
    """
    if getattr(config, "attn_pool_depth", 1) == 1:
        return {}, state_dict
    level = "attn_pool.pooler."
    pooled = {name: value for name, value in state_dict.items() if name.startswith(level)}
    rest = {name: value for name, value in state_dict.items() if name not in pooled}
    return {f"attn_layers.{name.removeprefix(level)}": value for name, value in pooled.items()}, rest
