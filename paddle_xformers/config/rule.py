"""What a rule between fields is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One combination of values that no model is built from.

    Args:
        fields: The fields it is about; at least one of them is shown in the message with its value.
        broken: Tells from the flat values whether the rule is broken.
        sentence: What is wrong and what to do; `{name}` stands for a field's value.
    """

    fields: tuple[str, ...]
    broken: Callable[[Values], bool]
    sentence: str
