"""The engine of a converter: a list of rules, each from a foreign name to ours with a transform of the array."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from ..config import LayerOptions, StackOptions
from ..errors import CheckpointError

_BRANCHES = {"a": "attn", "c": "cross_attn", "f": "ff"}
_KIND_NAMES = {"a": "self attention", "c": "cross attention", "f": "feed-forward"}
_SHOWN = 8


@dataclass(frozen=True)
class Place:
    """Where an array comes from and where it goes: all that a transform may need to know.

    Args:
        source: The foreign name, for messages.
        stack: Options of the stack it goes to.
        layer: Options of the layer it goes to, or None outside the layers.
        unit_offset: Whether norm gains are stored less 1.
    """

    source: str
    stack: StackOptions
    layer: LayerOptions | None = None
    unit_offset: bool = True


# Returns the array as our model has it, or None where there is nothing to store.
Transform = Callable[[np.ndarray, Place], "np.ndarray | None"]


def copied(array: np.ndarray, place: Place) -> np.ndarray:
    """Take an array over as it is."""
    return array


@dataclass(frozen=True)
class Rule:
    """One line of a table. A name may match several rules: all of them apply.

    Args:
        source: Foreign name. `{i}` stands for a layer index, `{part}` for weight or bias, `{gain}` for the two
            names of a norm's gain, `{fn}` for any number of `fn.` levels, and `{name}` for any other name.
        target: Our name. `{base}` stands for the family's prefix, `{branch}` for attn, cross_attn or ff, and
            `{i}`, `{part}` and `{name}` for what they matched.
        transform: What happens to the array.
        kinds: Kinds of layer it is about; empty: any, or none.
    """

    source: str
    target: str
    transform: Transform = copied
    kinds: str = ""


def apply_rules(
    rules: Iterable[Rule],
    arrays: Mapping[str, np.ndarray],
    stack: StackOptions,
    base: str,
    *,
    unit_offset: bool = True,
) -> dict[str, np.ndarray]:
    """Rename and transform arrays by a table.

    Args:
        rules: The table.
        arrays: Arrays by foreign name.
        stack: Options of the stack they go to.
        base: The family's prefix, e.g. `xdecoder`.
        unit_offset: Whether norm gains are stored less 1.

    Returns:
        Arrays by our name.

    Raises:
        CheckpointError: If a name matches no rule, belongs to a layer that the stack does not have, or two stand
            for one of ours.
    """
    rules = tuple(rules)
    result: dict[str, np.ndarray] = {}
    unknown = []
    for source, array in arrays.items():
        matches = [(rule, match) for rule in rules if (match := _pattern(rule.source).fullmatch(source))]
        if not matches:
            unknown.append(source)
        for rule, match in matches:
            parts = match.groupdict()
            layer = _layer(rule, int(parts["i"]), source, stack) if "i" in parts else None
            value = rule.transform(array, Place(source, stack, layer, unit_offset))
            if value is None:
                continue
            name = rule.target.format(base=base, branch=_BRANCHES[layer.kind] if layer else "", **parts)
            if name in result:
                raise CheckpointError(f"the weights hold {source} and another array for {name}; take one of them out")
            result[name] = value
    if unknown:
        raise CheckpointError(
            f"the weights hold {listed(unknown)}, for which this model has no place: they come from an option "
            "that it does not have; choose another configuration, or take them out if they are not wanted"
        )
    return result


def listed(names: Iterable[str]) -> str:
    """Join names for a message: the first few, and how many more there are."""
    ordered = sorted(names)
    more = len(ordered) - _SHOWN
    return ", ".join(ordered[:_SHOWN]) + (f" and {more} more" if more > 0 else "")


_PLACEHOLDERS = {
    "i": r"(?P<i>\d+)",
    "part": "(?P<part>weight|bias)",
    "gain": "(?:gamma|g)",
    "fn": r"(?:fn\.)*",
    "name": r"(?P<name>\w+?)",
}


@functools.cache
def _pattern(source: str) -> re.Pattern[str]:
    """The regular expression of a rule's source."""
    pieces = re.split(r"\{(\w+)\}", source)  # literal text and placeholders in turn
    return re.compile("".join(_PLACEHOLDERS[piece] if at % 2 else re.escape(piece) for at, piece in enumerate(pieces)))


def _layer(rule: Rule, index: int, source: str, stack: StackOptions) -> LayerOptions:
    if index >= len(stack.layers):
        raise CheckpointError(
            f"the weights hold {source}, but the configuration builds {len(stack.layers)} layers, counted from 0; "
            "set depth and the layout fields as in training"
        )
    layer = stack.layers[index]
    if rule.kinds and layer.kind not in rule.kinds:
        raise CheckpointError(
            f"the weights hold {source}, but layer {index} of the configuration is a {_KIND_NAMES[layer.kind]} "
            "layer; set depth and the layout fields as in training"
        )
    return layer
