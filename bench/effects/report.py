"""Tables of the effects, and their places in the pages of docs/features/."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

from bench.effects.features import FEATURES, PAGES, Feature
from bench.effects.results import Effect, effect, seed_spread
from bench.effects.variants import BASELINES, NOT_MEASURED, VARIANTS, Variant, every_run
from bench.files import replace_file

INDEX = "README"
HEAD = "score | against | difference | noise | | step time | weights"
NOT_YET = "not measured yet: `make effects`"
# A block of a page, by name: what stands between its two lines is written by make effects.
_BLOCK = re.compile(r"^<!-- measured: (\S+) -->\n.*?^<!-- /measured -->$", re.MULTILINE | re.DOTALL)


def rows_of(feature: Feature) -> list[Variant]:
    """Return the runs of a feature."""
    return [variant for variant in VARIANTS if variant.feature == feature.id]


def shown_fields(variant: Variant) -> str:
    """Return the fields as a line of JSON, with the note beside it."""
    fields = f"`{json.dumps(_rounded(variant.fields))}`" if variant.fields else ""
    note = f"without it: {variant.note}" if variant.without else variant.note
    return ": ".join(part for part in (fields, note) if part)


def cells(results: dict[str, Any], variant: Variant) -> str:
    """Return the measured cells of a row, as HEAD names them."""
    found = effect(results, variant)
    if found is None:
        return " | ".join([NOT_YET, *[""] * HEAD.count("|")])
    score = "" if found.score is None else f"{found.score:.3f}"
    difference = "" if found.difference is None else f"{found.difference:+.3f}"
    noise = "" if found.noise is None else f"±{found.noise:.3f}"
    ratio = "" if found.time_ratio is None else f"{found.time_ratio:.2f}x"
    return " | ".join([score, variant.against, difference, noise, _verdict(found), ratio, _weights(found)])


def section(results: dict[str, Any], feature: Feature) -> str:
    """Return what stands in the section of a feature: its rows, or the reason there are none."""
    variants = rows_of(feature)
    if not variants:
        return f"Not measured here: {NOT_MEASURED[feature.id]}."
    lines = [_line("set", HEAD), _rule(1)]
    lines += [_line(shown_fields(variant), cells(results, variant)) for variant in variants]
    return "\n".join(lines)


def index(results: dict[str, Any]) -> str:
    """Return the table of all features."""
    lines = [_line("feature", "id", "set", HEAD), _rule(3)]
    for feature in FEATURES:
        variants = rows_of(feature)
        for variant in variants:
            lines.append(_line(feature.link, f"`{feature.id}`", shown_fields(variant), cells(results, variant)))
        if not variants:
            rest = " | ".join(["not measured", *[""] * HEAD.count("|")])
            lines.append(_line(feature.link, f"`{feature.id}`", NOT_MEASURED[feature.id], rest))
    return "\n".join(lines)


def baselines(results: dict[str, Any]) -> str:
    """Return the table of the runs that others are compared with."""
    lines = ["| run | set | score | seeds | standard deviation | weights |", "|---|---|---|---|---|---|"]
    for variant in BASELINES:
        found, spread = effect(results, variant), seed_spread(results, variant)
        measured = f"{NOT_YET} | | | "
        if found is not None and found.score is not None and spread is not None:
            measured = f"{found.score:.3f} | {spread[0]} | {spread[1]:.4f} | {_weights(found)}"
        lines.append(_line(f"`{variant.name}`", shown_fields(variant), measured))
    return "\n".join(lines)


def facts(results: dict[str, Any]) -> str:
    """Return in a paragraph what was run, and on what."""
    if not results["settings"]:
        return "Not measured yet: `make effects`."
    plan, computer = results["settings"], results["machine"]
    return (
        f"dim {plan['dim']}, depth {plan['depth']}, {plan['heads']} heads; {plan['steps']} steps of {plan['batch']} "
        f"windows of {plan['window']} bytes, learning rate {plan['learning_rate']:g}; held out: "
        f"{plan['held_out_bytes']:,} bytes; step time: median of {plan['pairs']} pairs. {computer['date']}; "
        f"{computer['cpu']}, {computer['cores']} cores, threads in use: {computer['threads']}; "
        f"Python {computer['python']}, paddlepaddle {computer['paddle']}."
    )


def blocks(results: dict[str, Any], page: str) -> dict[str, str]:
    """Return the blocks of a page by name."""
    if page == INDEX:
        return {"facts": facts(results), "baselines": baselines(results), "table": index(results)}
    return {feature.id: section(results, feature) for feature in FEATURES if feature.page == page}


def filled(text: str, wanted: dict[str, str], name: str) -> str:
    """Put blocks into a page.

    Args:
        text: The page, with one pair of lines a block: `<!-- measured: NAME -->` and `<!-- /measured -->`.
        wanted: The blocks by name.
        name: Of the page, for messages.

    Raises:
        ValueError: The page has other blocks than these, or one of them twice.
    """
    there = _BLOCK.findall(text)
    if sorted(there) != sorted(wanted):
        missing, unknown = sorted(set(wanted) - set(there)), sorted(set(there) - set(wanted))
        raise ValueError(
            f"{name} must hold each of its blocks once between '<!-- measured: NAME -->' and '<!-- /measured -->'; "
            f"missing: {missing}, unknown: {unknown}, in all {len(there)}; restore those lines."
        )
    return _BLOCK.sub(lambda found: f"<!-- measured: {found[1]} -->\n\n{wanted[found[1]]}\n\n<!-- /measured -->", text)


def write_pages(results: dict[str, Any], folder: Path) -> list[str]:
    """Write every page's blocks anew; nothing is written if one page is not as it must be.

    Args:
        results: What is stored.
        folder: Folder of the pages.

    Returns:
        Names of the pages that changed.
    """
    texts = {}
    for page in (INDEX, *PAGES):
        path = folder / f"{page}.md"
        old = path.read_text(encoding="utf-8")
        new = filled(old, blocks(results, page), path.name)
        if new != old:
            texts[path] = new
    for path, text in texts.items():
        replace_file(path, lambda aside, text=text: aside.write_text(text, encoding="utf-8"))
    return [path.name for path in texts]


def summary(results: dict[str, Any], name: str) -> str:
    """Return a run in one line, for the terminal."""
    found = effect(results, every_run()[name])
    if found is None:
        return f"{name}: not measured"
    if found.score is None:
        return f"{name}: diverged"
    parts = [f"{name}: {found.score:.3f}"]
    if found.difference is not None:
        parts.append(f"{found.difference:+.3f}")
    if found.time_ratio is not None:
        parts.append(f"step {found.time_ratio:.2f}x")
    return ", ".join(parts)


def _verdict(found: Effect) -> str:
    return f"**{found.verdict}**" if found.verdict in ("better", "worse", "diverged") else found.verdict


def _weights(found: Effect) -> str:
    return f"{found.parameters / 1e6:.2f} M"


def _rounded(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: round(value, 3) if isinstance(value, float) else value for name, value in fields.items()}


def _line(*parts: str) -> str:
    return "| " + " | ".join(parts) + " |"


def _rule(columns: int) -> str:
    return "|" + "---|" * (columns + HEAD.count("|") + 1)
