"""One condition for models of several parts, of which some may have no use for it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paddle import Tensor

from ..errors import InputError


def check_parts(parts: Iterable[Any], condition: Tensor | None) -> None:
    """Refuse a condition that no part reads; whether it fits, and whether one is missing, each part checks itself.

    Args:
        parts: Bare models.
        condition: What the caller gave.

    Raises:
        InputError: If none reads it.
    """
    if condition is not None and not any(part.stack.options.needs_condition for part in parts):
        raise InputError(
            "condition has no effect: no part of this model reads it; set enc_norm or dec_norm to 'adaptive_layernorm' "
            "or 'adaptive_rmsnorm', or enc_use_adaptive_layerscale or dec_use_adaptive_layerscale to True, or leave "
            "the argument out"
        )


def for_part(part: Any, condition: Tensor | None) -> Tensor | None:
    """Return the condition if a part reads one.

    Args:
        part: A bare model.
        condition: What the caller gave.
    """
    return condition if part.stack.options.needs_condition else None
