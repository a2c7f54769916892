"""How one configuration field is declared: `option(...)` inside a frozen dataclass of options.

A group of options (attention, norms, ...) is a frozen dataclass. Each of its attributes is one field of
the flat `config.json`, carries its own documentation and checks, and reaches `nn` under the same name.
"""

from __future__ import annotations

import dataclasses
import functools
import types
import typing
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .registry import open_socket, part_problem

_METADATA_KEY = "paddle_xformers"

# The layer kinds a per-layer list may follow: one value for each layer of this kind.
ATTENTION, CROSS_ATTENTION, FEEDFORWARD, ANY_LAYER = "a", "c", "f", "*"


@dataclass(frozen=True)
class FieldInfo:
    """Everything known about one configuration field.

    Args:
        name: Its name in `config.json`.
        annotation: The Python type a single value has.
        default: Its default value.
        meaning: One line for the reference page.
        feature: Row id of the feature table, e.g. `pos-rotary`.
        paper: arXiv id or citation; empty where there is none.
        group: Name of the options dataclass that declares it.
        choices: Allowed names, for fields that select a part by name.
        minimum: Smallest allowed number.
        above: Number the value must be greater than.
        maximum: Largest allowed number.
        per_layer: Layer kind whose layers may each have a value of their own (a list); None: one value only.
        examples: Other values that make sense in a small model (dim 32, depth 2, 4 heads of 8).
        needs: Values of other fields without which this one has no effect; setting it alone is refused.
        beside: Values of other fields that its examples make sense with.
        socket: Where its values name registered parts: the socket.
    """

    name: str
    annotation: Any
    default: Any
    meaning: str
    feature: str
    paper: str
    group: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    above: float | None = None
    maximum: float | None = None
    per_layer: str | None = None
    examples: tuple[Any, ...] = ()
    needs: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    beside: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    socket: str = ""

    @property
    def type_name(self) -> str:
        """The type as a reader writes it, e.g. `int | None`."""
        members = typing.get_args(self.annotation) if _is_union(self.annotation) else (self.annotation,)
        return " | ".join(_plain_name(member) for member in members)

    @property
    def allowed(self) -> str:
        """What values are allowed, in words."""
        parts = []
        if self.choices:
            parts.append("one of " + ", ".join(repr(choice) for choice in self.choices))
        elif self.socket:
            parts.append("None")
        else:
            parts.append(self.type_name)
        if self.socket:
            parts[-1] += " or a registered name"
        bounds = [
            f"{sign} {bound:g}"
            for sign, bound in ((">=", self.minimum), (">", self.above), ("<=", self.maximum))
            if bound is not None
        ]
        if bounds:
            parts.append(" and ".join(bounds))
        if self.per_layer:
            parts.append("or a list with one such value a layer")
        return ", ".join(parts)


def option(
    default: Any,
    meaning: str,
    *,
    feature: str,
    paper: str = "",
    choices: tuple[str, ...] = (),
    minimum: float | None = None,
    above: float | None = None,
    maximum: float | None = None,
    per_layer: str | None = None,
    examples: tuple[Any, ...] = (),
    needs: Mapping[str, Any] | None = None,
    beside: Mapping[str, Any] | None = None,
    socket: str = "",
) -> Any:
    """Declare one configuration field inside an options dataclass; see `FieldInfo` for the arguments.

    Switches and fields with choices need no examples: their other values are known.
    """
    if socket:
        open_socket(socket, choices)
    if choices and not examples:
        examples = tuple(choice for choice in choices if choice != default)
    elif isinstance(default, bool) and not examples:
        examples = (not default,)
    metadata = {
        "meaning": meaning,
        "feature": feature,
        "paper": paper,
        "choices": choices,
        "minimum": minimum,
        "above": above,
        "maximum": maximum,
        "per_layer": per_layer,
        "examples": examples,
        "needs": needs or {},
        "beside": beside or {},
        "socket": socket,
    }
    return dataclasses.field(default=default, metadata={_METADATA_KEY: metadata})


@functools.cache
def fields_of(group: type) -> tuple[FieldInfo, ...]:
    """Return the declared fields of one options dataclass, in order of declaration."""
    hints = typing.get_type_hints(group)
    return tuple(
        FieldInfo(
            name=field.name,
            annotation=hints[field.name],
            default=field.default,
            group=group.__name__,
            **field.metadata[_METADATA_KEY],
        )
        for field in dataclasses.fields(group)
    )


def value_problem(info: FieldInfo, value: Any) -> str | None:
    """Say what is wrong with one value of a field, or None when it is allowed.

    Args:
        info: The field.
        value: A single value (not a per-layer list).
    """
    if info.socket and not (value is None and _has_type(value, info.annotation)):
        return part_problem(info.socket, value)
    if not _has_type(value, info.annotation):
        return f"is a {type(value).__name__}"
    if value is None:
        return None
    if info.choices and value not in info.choices:
        return "is not a known name"
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    if value != value:
        return "is not a number"
    if info.minimum is not None and value < info.minimum:
        return "is too small"
    if info.above is not None and value <= info.above:
        return "is too small"
    if info.maximum is not None and value > info.maximum:
        return "is too large"
    return None


def accepts_list(info: FieldInfo) -> bool:
    """Whether the field's own type is a list, so that a list is one value and not one value a layer."""
    members = typing.get_args(info.annotation) if _is_union(info.annotation) else (info.annotation,)
    return any(typing.get_origin(member) is tuple for member in members)


def _is_union(annotation: Any) -> bool:
    return typing.get_origin(annotation) in (typing.Union, types.UnionType)


def _plain_name(annotation: Any) -> str:
    if annotation is type(None):
        return "None"
    if typing.get_origin(annotation) is tuple:
        return f"list of {_plain_name(typing.get_args(annotation)[0])}"
    return str(annotation.__name__)


def _has_type(value: Any, annotation: Any) -> bool:
    if _is_union(annotation):
        return any(_has_type(value, member) for member in typing.get_args(annotation))
    if annotation is type(None):
        return value is None
    if typing.get_origin(annotation) is tuple:
        item = typing.get_args(annotation)[0]
        return isinstance(value, (list, tuple)) and all(_has_type(v, item) for v in value)
    if annotation is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    if annotation is int:
        return isinstance(value, int) and not isinstance(value, bool)
    return isinstance(value, annotation)
