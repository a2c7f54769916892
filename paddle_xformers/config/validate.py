"""Check the values of a configuration: types and ranges, per-layer lists, and the rules between fields."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..errors import ConfigError
from .field import FieldInfo, accepts_list, value_problem
from .layout import Layout, layer_layout
from .options import LayoutOptions
from .rules import broken_rules
from .schema import group_values

_KIND_NAMES = {"a": "self attention", "c": "cross attention", "f": "feed-forward", "*": ""}


def validate(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> None:
    """Refuse values that no model can be built from.

    Args:
        values: Value of every field.
        fields: The schema the values belong to.

    Raises:
        ConfigError: With one sentence for each problem found.
    """
    problems = value_problems(values, fields)
    if not problems:
        problems = broken_rules(values, fields)
    if not problems:
        layout = layer_layout(LayoutOptions(**group_values(LayoutOptions, values)))
        problems = length_problems(values, fields, layout)
    if problems:
        raise ConfigError("; ".join(problems))


def value_problems(values: Mapping[str, Any], fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return a sentence for each value that its field does not allow.

    Args:
        values: Value of every field.
        fields: The fields.
    """
    # Most fields have their default, which need not be checked anew.
    chosen = [info for info in fields.values() if values[info.name] is not info.default]
    return [sentence for info in chosen for sentence in _value_problems(info, values[info.name])]


def _value_problems(info: FieldInfo, value: Any) -> list[str]:
    is_list = isinstance(value, (list, tuple)) and not accepts_list(info)
    if is_list and info.per_layer is None:
        return [f"{info.name}={value!r} is a list, but allowed is {info.allowed}"]
    for single in value if is_list else (value,):
        problem = value_problem(info, single)
        if problem:
            return [f"{info.name}={value!r} {problem}; allowed is {info.allowed}"]
    return []


def length_problems(values: Mapping[str, Any], fields: Mapping[str, FieldInfo], layout: Layout) -> list[str]:
    """Return a sentence for each per-layer list that has not one value for each layer of its kind.

    Args:
        values: Value of every field.
        fields: The fields.
        layout: The layers.
    """
    problems = []
    for info in fields.values():
        value = values[info.name]
        if info.per_layer is None or not isinstance(value, (list, tuple)):
            continue
        expected = layout.count(info.per_layer)
        if len(value) != expected:
            kind = f"{_KIND_NAMES[info.per_layer]} layers".strip()
            problems.append(
                f"{info.name}={value!r} has {len(value)} values for {expected} {kind}; "
                f"give one value, or a list of exactly {expected}"
            )
    return problems
