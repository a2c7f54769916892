"""The flat set of fields of a model family, collected from its options dataclasses."""

from __future__ import annotations

import dataclasses
import functools
import typing
from collections.abc import Mapping
from typing import Any

from .field import ATTENTION, CROSS_ATTENTION, FieldInfo, fields_of
from .options import ALL_GROUPS, AttentionOptions


@functools.cache
def schema(groups: tuple[type, ...] = ALL_GROUPS) -> Mapping[str, FieldInfo]:
    """Return every field of the given groups by name.

    Each `attn_*` field is followed by its `cross_attn_*` twin, whose None means "as in self attention".

    Args:
        groups: Options dataclasses; by default those of all families.
    """
    fields: dict[str, FieldInfo] = {}
    for group in groups:
        for info in fields_of(group):
            fields[info.name] = info
    if AttentionOptions in groups:
        for info in fields_of(AttentionOptions):
            if info.name.startswith("attn_"):
                fields["cross_" + info.name] = _cross_twin(info)
        fields["cross_attn_dim_context"] = FieldInfo(
            name="cross_attn_dim_context",
            annotation=int | None,
            default=None,
            meaning="Width of encoder_hidden_states; None: dim.",
            feature="cross-attention",
            paper="1706.03762",
            group="AttentionOptions",
            minimum=1,
            examples=(20,),
            needs={"cross_attend": True},
        )
    return fields


def _cross_twin(info: FieldInfo) -> FieldInfo:
    return dataclasses.replace(
        info,
        name="cross_" + info.name,
        annotation=typing.Optional[info.annotation],  # noqa: UP045 - a runtime value, not an annotation
        default=None,
        meaning=f"{info.name} of the cross attention layers; None: as in self attention.",
        per_layer=CROSS_ATTENTION if info.per_layer == ATTENTION else info.per_layer,
        needs={**_twins(info.needs), "cross_attend": True},
        beside=_twins(info.beside),
    )


def twin(name: str) -> str:
    """Return the field that says for cross attention what another one says for self attention.

    Args:
        name: A field; one that has no twin holds for both.
    """
    return "cross_" + name if name.startswith("attn_") else name


def _twins(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same values for cross attention."""
    return {twin(name): value for name, value in values.items()}


def value_in_force(name: str, values: Mapping[str, Any]) -> Any:
    """Return what holds for a field: a `cross_attn_*` field that is None holds what self attention does.

    So does an entry of its list that is None, for its layer.

    Args:
        name: A field.
        values: Value of every field.
    """
    value, own = values[name], name.removeprefix("cross_")
    if own == name or not own.startswith("attn_"):
        return value
    # A list a self attention layer says nothing about cross attention: those take the default.
    shared = schema()[own].default if isinstance(values[own], (list, tuple)) else values[own]
    if isinstance(value, (list, tuple)):
        return tuple(shared if entry is None else entry for entry in value)
    return shared if value is None else value


def group_values(group: type, values: Mapping[str, Any]) -> dict[str, Any]:
    """Pick the values of one group's fields out of a flat mapping.

    Args:
        group: An options dataclass.
        values: Values by field name; a missing one gets its default.
    """
    return {info.name: _frozen(values.get(info.name, info.default)) for info in fields_of(group)}


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
