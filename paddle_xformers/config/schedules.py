"""Lists with one value a layer, from a first and a last value: for every field that takes such a list."""

from __future__ import annotations

import math
from collections.abc import Callable

from ..errors import ConfigError

# From the share of the way, 0 to 1, to the share of the difference.
SCHEDULES: dict[str, Callable[[float], float]] = {
    "linear": lambda share: share,
    "cosine": lambda share: 0.5 * (1 - math.cos(math.pi * share)),
}


def layer_schedule(
    start: float, end: float, depth: int, schedule: str | Callable[[float], float] = "cosine"
) -> tuple[float, ...]:
    """Return one value for each of some layers, which changes from layer to layer (2606.23670).

    For example `ff_dropout=layer_schedule(0.0, 0.3, depth=12)`.

    Args:
        start: The value of the first layer.
        end: The value of the last.
        depth: Number of layers of the kind that the field is about.
        schedule: `linear`, `cosine` (slow at both ends), or a function of how far a layer stands, 0 to 1, that gives
            how much of the difference it has.

    Returns:
        The values, as a field with one value a layer takes them.

    Raises:
        ConfigError: If there are no layers, or no such schedule.
    """
    if depth < 1:
        raise ConfigError(f"depth={depth!r} leaves no layer to schedule; give at least 1")
    if not callable(schedule) and schedule not in SCHEDULES:
        raise ConfigError(
            f"schedule={schedule!r} is not a known name; allowed is one of {', '.join(map(repr, SCHEDULES))}, or a "
            "function"
        )
    share = schedule if callable(schedule) else SCHEDULES[schedule]
    return tuple(start + (end - start) * share(at / max(depth - 1, 1)) for at in range(depth))
