"""The field reference, for the command line and for docs/reference/fields.md; made from the declarations."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from .field import FieldInfo
from .options import ALL_GROUPS
from .parts import Composition
from .rules import RULES
from .spelling import SPELLINGS


def search(fields: Mapping[str, FieldInfo], word: str) -> list[FieldInfo]:
    """Return the fields whose name, meaning, feature or other spelling holds a word.

    Args:
        fields: The schema.
        word: Part of a word; case does not matter. Empty: every field.
    """
    needle = word.lower()
    return [
        info
        for info in fields.values()
        if needle in " ".join([info.name, info.meaning, info.feature, *spellings_of(info.name)]).lower()
    ]


def spellings_of(field: str) -> list[str]:
    """Return the x-transformers and old-port keywords that set a field."""
    return [spelling.keyword for spelling in SPELLINGS if field in spelling.fields]


def as_text(infos: Iterable[FieldInfo], width: int = 100) -> str:
    """Return fields as a reader meets them in a terminal.

    Args:
        infos: The fields.
        width: Columns of the terminal.
    """
    return "\n\n".join(_entry(info, width) for info in infos)


def _entry(info: FieldInfo, width: int) -> str:
    lines = [f"{info.name} = {info.default!r}"]
    details = [info.meaning, f"Allowed: {info.allowed}."]
    if spellings_of(info.name):
        details.append(f"Also spelt: {', '.join(spellings_of(info.name))}.")
    details.append(f"Feature: {info.feature}." + (f" Paper: {info.paper}." if info.paper else ""))
    for detail in details:
        lines += textwrap.wrap(detail, width, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def as_markdown(fields: Mapping[str, FieldInfo], compositions: Mapping[str, Composition] | None = None) -> str:
    """Return the reference page of every field, grouped as they are declared.

    Args:
        fields: The schema.
        compositions: By name, the fields of families whose models are made of parts: what is said of them is which
            fields their parts have.
    """
    parts = [
        "# Fields",
        "",
        "Made from the declarations by `make docs`; do not edit. In a terminal: "
        "`python -m paddle_xformers fields [WORD]`.",
        "",
        f"{len(fields)} fields. `attn_*` fields also exist as `cross_attn_*`, for cross attention layers, but not "
        f"{', '.join(f'`{info.name}`' for info in fields.values() if not info.across)}, which are about self attention "
        "alone.",
        *(line for name, composition in (compositions or {}).items() for line in ("", _parts_of(name, composition))),
    ]
    group = None
    for info in fields.values():
        twin = info.group == "AttentionOptions" and info.name.startswith("cross_attn_")
        if twin and info.name != "cross_attn_dim_context":
            continue
        if info.group != group:
            group = info.group
            parts += [
                "",
                f"## {group}",
                "",
                *_about(group),
                "| field | default | allowed | meaning | also spelt | feature | paper |",
            ]
            parts += ["|---|---|---|---|---|---|---|"]
        cells = [
            f"`{info.name}`",
            f"`{info.default!r}`",
            info.allowed,
            info.meaning,
            ", ".join(f"`{name}`" for name in spellings_of(info.name)),
            info.feature,
            info.paper,
        ]
        parts.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(parts) + "\n"


def _about(group: str) -> list[str]:
    """What a group of options says of itself, as lines of the page."""
    return [str(known.__doc__).splitlines()[0] + "\n" for known in ALL_GROUPS if known.__name__ == group]


def _parts_of(name: str, composition: Composition) -> str:
    """Which fields the parts of a family's model have, as a paragraph of the page."""
    parts = composition.parts
    prefixes = " and ".join(f"as `{part.prefix}*` for the {part.title}" for part in parts)
    shared = ", ".join(f"`{field}`" for field in parts[0].shared)
    always = "; ".join(
        f"the {part.title} always has " + ", ".join(f"`{field}={value!r}`" for field, value in part.fixed.items())
        for part in parts
    )
    return (
        f"{name} has the fields of both its parts, {prefixes}; {shared} are shared. "
        f"There is no field for what is always so, nor for what has no effect beside it: {always}."
    )


def rules_as_markdown(compositions: Iterable[Composition] = ()) -> str:
    """Return the page of the rules between fields.

    Args:
        compositions: The fields of families whose models are made of parts, which keep the rules in every part.
    """
    parts = [
        "# What goes with what",
        "",
        "Made from the rules by `make docs`; do not edit. A configuration that breaks one is refused with this "
        "sentence when a model is built; `{name}` stands for the value.",
        "",
        "| fields | refused because |",
        "|---|---|",
    ]
    between = (rule for composition in compositions for rule in composition.rules)
    for rule in dict.fromkeys((*RULES, *between)):  # families may share rules
        names = ", ".join(f"`{name}`" for name in rule.fields)
        parts.append(f"| {names} | {rule.sentence.replace('|', '/')} |")
    return "\n".join(parts) + "\n"
