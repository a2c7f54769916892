"""What a rule between fields is, and what rules ask of layers and of values that differ from layer to layer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from .layout import layer_layout
from .options import LayoutOptions
from .schema import group_values, value_in_force

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


def each(value: Any) -> tuple[Any, ...]:
    """Return a field's values: one, or one a layer.

    Args:
        value: The field's value.
    """
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def by_layer(v: Values, *names: str) -> list[tuple[Any, ...]]:
    """Return the values of several fields, in their order, for each attention layer of a kind.

    Without a list a layer, one entry stands for all layers.

    Args:
        v: Value of every field.
        *names: The fields.
    """
    values = [each(value_in_force(name, v)) for name in names]
    count = max(map(len, values))
    return [tuple(entries[min(at, len(entries) - 1)] for entries in values) for at in range(count)]


def kinds(v: Values) -> tuple[str, ...]:
    """Return the kinds of the layers that would be built.

    Args:
        v: Value of every field.
    """
    options = LayoutOptions(**group_values(LayoutOptions, {**v, "layers_execute_order": None}))
    return layer_layout(options).kinds
