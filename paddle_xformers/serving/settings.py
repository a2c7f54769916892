"""Keywords of a task: which there are, what they may be, and the sentences that refuse others."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paddle_xformers.errors import InputError


@dataclass(frozen=True)
class Setting:
    """What one keyword may be.

    Attributes:
        allowed: The allowed values in words, for messages.
        accepts: Whether a value is allowed.
        only: For generation: the decode strategies in which it has an effect; empty for all.
        neutral: A value that changes nothing, and so is never refused for having no effect.
    """

    allowed: str
    accepts: Callable[[Any], bool]
    only: tuple[str, ...] = ()
    neutral: Any = None


Settings = Mapping[str, Setting]


def is_whole(value: Any) -> bool:
    """Whether it is a whole number; True and False are none."""
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    """Whether it is a finite number; True and False are none."""
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def is_flag(value: Any) -> bool:
    """Whether it is True or False."""
    return isinstance(value, bool)


def at_least(low: int, only: tuple[str, ...] = (), neutral: Any = None) -> Setting:
    """Return the setting of a whole number.

    Args:
        low: The smallest that is allowed.
        only: As in `Setting`.
        neutral: Likewise.
    """
    return Setting(f"a whole number of at least {low}", lambda v: is_whole(v) and v >= low, only, neutral)


def one_of(*choices: str | None) -> Setting:
    """Return the setting of a word out of several.

    Args:
        *choices: The words.
    """
    return Setting(" or ".join(map(repr, choices)), lambda v: isinstance(v, (str, type(None))) and v in choices)


def flag() -> Setting:
    """Return the setting of something that is on or off."""
    return Setting("True or False", is_flag)


def check_values(given: Mapping[str, Any], settings: Settings, task: str) -> None:
    """Refuse keywords that do not exist and values that are not allowed.

    Args:
        given: Keyword -> value.
        settings: The keywords that exist.
        task: Name of the task, for the message.

    Raises:
        InputError: With one sentence on the first that is wrong.
    """
    for name, value in given.items():
        if name not in settings:
            raise InputError(_unknown(name, settings, task))
        if not settings[name].accepts(value):
            raise InputError(f"{name}={value!r} is not allowed: give {settings[name].allowed}.")


def _unknown(name: str, settings: Settings, task: str) -> str:
    """Say that there is no such keyword, and which one may be meant."""
    near = difflib.get_close_matches(name, list(settings), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(settings)}."
    return f"{name!r} is not a keyword of {task}: {hint}"
