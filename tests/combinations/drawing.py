"""Combinations of fields: what a field brings with it, and configurations drawn at random."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from paddle_xformers.config import FieldInfo

from ..contracts.subjects import SUBJECTS
from ..contracts.subjects.subject import Subject, own_fields

# Fields drawn for one configuration, at most: with more, hardly any is without two that exclude each other.
MOST_FIELDS = 10
# One subject for each head; further ones of a head differ in sizes alone.
HEADS = tuple({subject.model: subject for subject in reversed(SUBJECTS)}.values())[::-1]


def values_of(info: FieldInfo, example: Any) -> dict[str, Any]:
    """A field's value, with what it needs and makes sense with."""
    return {**info.needs, **info.beside, info.name: example}


def joined(parts: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """The values of several fields together; None where two of them want one field to be different things."""
    result: dict[str, Any] = {}
    for values in parts:
        if any(result.get(name, value) != value for name, value in values.items()):
            return None
        result |= values
    return result


def drawable(subject: Subject) -> list[FieldInfo]:
    """The fields of a head's configuration that have examples, those of its parts among them.

    Fields that only another head of the family uses are left out: `own` of that head's subject says which.
    """
    fields = dict(subject.config.fields())
    if subject.own:
        fields = dict(subject.fields()) | {
            name: info for name, info in _common(subject).items() if name not in own_fields(subject.config)
        }
    elif subject.own is not None:
        fields = dict(_common(subject))
    return [info for info in fields.values() if info.examples]


def _common(subject: Subject) -> Mapping[str, FieldInfo]:
    """The fields of the family's first subject, which are those of its backbone and most general head."""
    first = next(other for other in SUBJECTS if other.config is subject.config)
    return first.config.fields() if first.own is None else first.fields()


def draw(seed: int) -> tuple[Subject, dict[str, Any]]:
    """One head and one configuration for it; the same for the same seed and the same declarations."""
    rng = np.random.default_rng(seed)
    subject = HEADS[rng.integers(len(HEADS))] if seed % 2 else HEADS[0]  # half of them decoders, with every field
    fields = drawable(subject)
    count = int(rng.integers(1, MOST_FIELDS + 1))
    values: dict[str, Any] = {}
    for index in rng.permutation(len(fields))[:count]:
        info = fields[index]
        example = info.examples[rng.integers(len(info.examples))]
        if info.per_layer and not isinstance(example, tuple) and rng.random() < 0.3:
            example = [example, info.default][:: rng.choice([1, -1])]  # one of two layers has it
        values = joined((values, values_of(info, example))) or values
    return subject, values
