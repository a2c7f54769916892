"""Models of several parts, such as an encoder and a decoder, in one flat `config.json`.

Each part has the fields of a model of its own behind a prefix: `enc_depth` beside `dec_depth`. What all parts share is
written once, without a prefix. Checks and messages name the fields as they stand in the file.
"""

from __future__ import annotations

import dataclasses
import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ConfigError
from .field import FieldInfo
from .layout import layer_layout
from .options import TOKEN_GROUPS, LayoutOptions
from .rule import Rule, Values
from .rules import broken, combinations_of, rules_of_needs
from .schema import group_values, schema
from .spelling import BY_KEYWORD, canonical
from .suggest import nearest
from .validate import length_problems, value_problems


@dataclass(frozen=True, eq=False)
class Part:
    """One part of a model, as its configuration shows it.

    Args:
        prefix: What stands in front of its fields, such as `enc_`.
        title: What it is called in a sentence, such as `encoder`.
        groups: The options dataclasses whose fields it has.
        shared: Its fields that all parts share; they have no prefix.
        fixed: Its fields that have one value only. Whatever would have no effect beside them is no field either.
    """

    prefix: str
    title: str
    groups: tuple[type, ...] = TOKEN_GROUPS
    shared: tuple[str, ...] = ("dim", "initializer_range")
    fixed: Mapping[str, Any] = dataclasses.field(default_factory=dict)

    def own(self) -> Mapping[str, FieldInfo]:
        """Return the fields that can be chosen for this part alone, by their name without the prefix."""
        return _own_fields(self)

    def fields(self) -> Mapping[str, FieldInfo]:
        """Return the same fields as they stand in the configuration: names, and the names they refer to, prefixed."""
        return _prefixed_fields(self)

    def values(self, values: Values) -> dict[str, Any]:
        """Return the value of every field of the part's own configuration, prefixes taken off.

        Args:
            values: The flat values of the whole model.
        """
        result = {name: info.default for name, info in schema(self.groups).items()}
        result |= self.fixed
        result |= {name: values[name] for name in self.shared}
        return result | {name: values[self.prefix + name] for name in self.own()}

    def rules(self) -> tuple[Rule, ...]:
        """Return the rules between the part's fields, which read and name the prefixed fields."""
        return _rules(self)

    def _name(self, name: str) -> str:
        return name if name in self.shared else self.prefix + name

    def _prefixed(self, others: Mapping[str, Any]) -> dict[str, Any]:
        return {self._name(name): value for name, value in others.items() if name not in self.fixed}

    def _rule(self, rule: Rule) -> Rule:
        """One rule of a model of its own, about this part of the whole."""
        own, known = self.own(), schema(self.groups)

        def shown(match: re.Match[str]) -> str:
            name = match[2]
            if name not in known or not (name in rule.fields or "_" in name or match[1] or match[3]):
                return match[0]  # a word of the sentence, such as "norm"
            if match[1] and name not in own and name not in self.shared:
                return repr(self.fixed.get(name, known[name].default))  # a value that nobody can choose
            return match[1] + self._name(name) + match[3]

        return Rule(
            tuple(self._name(name) for name in rule.fields),
            lambda values: rule.broken(self.values(values)),
            re.sub(r"({?)\b([a-z_]+)\b((?:![rs])?}|=|)", shown, rule.sentence),
        )


@functools.cache
def _rules(part: Part) -> tuple[Rule, ...]:
    needing = {
        name: dataclasses.replace(info, needs={n: v for n, v in info.needs.items() if n not in part.fixed})
        for name, info in part.own().items()
    }
    return tuple(map(part._rule, (*rules_of_needs(needing), *combinations_of(schema(part.groups)))))


@functools.cache
def _prefixed_fields(part: Part) -> Mapping[str, FieldInfo]:
    return {
        part.prefix + name: dataclasses.replace(
            info, name=part.prefix + name, needs=part._prefixed(info.needs), beside=part._prefixed(info.beside)
        )
        for name, info in part.own().items()
    }


@functools.cache
def _own_fields(part: Part) -> Mapping[str, FieldInfo]:
    def in_vain(info: FieldInfo) -> bool:
        return any(part.fixed.get(name, value) != value for name, value in info.needs.items())

    known = schema(part.groups)
    return {
        name: info
        for name, info in known.items()
        if name not in part.shared and name not in part.fixed and not in_vain(info)
    }


@dataclass(frozen=True, eq=False)
class Composition:
    """The fields of a model of several parts.

    Args:
        groups: The options dataclasses whose fields belong to no part.
        parts: The parts.
        rules: The rules between the parts.
    """

    groups: tuple[type, ...]
    parts: tuple[Part, ...]
    rules: tuple[Rule, ...] = ()

    def part(self, prefix: str) -> Part:
        """Return the part with a prefix."""
        return next(part for part in self.parts if part.prefix == prefix)

    def own(self) -> Mapping[str, FieldInfo]:
        """Return the fields that belong to no part."""
        return schema(self.groups)

    def fields(self) -> Mapping[str, FieldInfo]:
        """Return every field by name: what is shared, what belongs to no part, then the parts one after the other."""
        return _all_fields(self)

    def canonical(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return keyword arguments with every foreign spelling, also behind a prefix, turned into our fields.

        Args:
            given: Keyword arguments as the caller wrote them.

        Raises:
            ConfigError: If two of them ask for different values of one field, or one is a field of a part with no
                prefix, of a part that shares it, or of a part that has only one value of it.
        """
        result = {name: value for name, value in given.items() if self._part_of(name) is None}
        for name in result:
            self._check_unprefixed(name)
        for part in self.parts:
            own = {name: value for name, value in given.items() if self._part_of(name) is part}
            spelt = canonical(own, part.prefix)
            result |= {name: value for name, value in spelt.items() if not self._is_fixed(part, name, value)}
        return result

    def _part_of(self, name: str) -> Part | None:
        return next((part for part in self.parts if name.startswith(part.prefix)), None)

    def _check_unprefixed(self, name: str) -> None:
        """Refuse what only a part has: x-transformers drops it without a word."""
        owners = [part for part in self.parts if name in part.own() or name in BY_KEYWORD]
        if name in self.own() or not owners:
            return
        ways = " or ".join(part.prefix + name for part in owners)
        titles = " and ".join(f"the {part.title}" for part in self.parts)
        raise ConfigError(f"{name!r} is no field of the whole model, which is made of {titles}; write {ways}")

    def _is_fixed(self, part: Part, name: str, value: Any) -> bool:
        """Whether a field of a part says what is always so; anything else that is no field is refused."""
        plain = name.removeprefix(part.prefix)
        if plain in part.own():
            return False
        if plain in part.fixed and value == part.fixed[plain]:
            return True
        if plain in part.shared:
            raise ConfigError(f"{name}={value!r} is not allowed: all parts share one {plain}; give {plain}")
        if plain in part.fixed:
            raise ConfigError(
                f"{name}={value!r} is not allowed: the {part.title} of this model always has "
                f"{plain}={part.fixed[plain]!r}; leave it out"
            )
        if plain in schema(part.groups):
            needs = schema(part.groups)[plain].needs
            reason = ", ".join(f"{other}={part.fixed[other]!r}" for other in needs if other in part.fixed)
            raise ConfigError(
                f"{name}={value!r} has no effect: the {part.title} of this model always has {reason}; leave it out"
            )
        near = [repr(part.prefix + known) for known in nearest(plain, [*part.own(), *BY_KEYWORD])]
        hint = f"did you mean {' or '.join(near)}?" if near else "no field looks like it."
        raise ConfigError(
            f"{name!r} is not a field of this model; {hint} List them with: python -m paddle_xformers fields"
        )

    def validate(self, values: Values) -> None:
        """Refuse values that no model can be built from.

        Args:
            values: Value of every field.

        Raises:
            ConfigError: With one sentence for each problem found.
        """
        problems = value_problems(values, self.fields())
        problems = problems or broken(self._all_rules(), values)
        for part in () if problems else self.parts:
            layout = layer_layout(LayoutOptions(**group_values(LayoutOptions, part.values(values))))
            problems += length_problems(values, part.fields(), layout)
        if problems:
            raise ConfigError("; ".join(problems))

    def _all_rules(self) -> Iterable[Rule]:
        for part in self.parts:
            yield from part.rules()
        yield from self.rules


@functools.cache
def _all_fields(composition: Composition) -> Mapping[str, FieldInfo]:
    result: dict[str, FieldInfo] = {}
    for part in composition.parts:
        known = schema(part.groups)
        result |= {name: known[name] for name in part.shared}
    result |= composition.own()
    for part in composition.parts:
        result |= part.fields()
    return result
