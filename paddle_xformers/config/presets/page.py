"""The page of all presets, docs/reference/presets.md, made from their tables."""

from __future__ import annotations

from collections.abc import Mapping

from . import PRESETS
from .preset import Preset

# By model_type: the configuration class, and the model class whose parameters are counted.
FAMILIES = {
    "xdecoder": ("XDecoderConfig", "XDecoderForCausalLM"),
    "xencoder": ("XEncoderConfig", "XEncoderModel"),
    "xseq2seq": ("XSeq2SeqConfig", "XSeq2SeqForConditionalGeneration"),
    "xvit": ("XViTConfig", "XViTForImageClassification"),
}


def presets_as_markdown() -> str:
    """Return the page: for each family a table of its presets, and one of what they are made of."""
    count = sum(len(table) for table in PRESETS.values())
    lines = ["# Presets", ""]
    lines += ["Made from `config/presets/` by `make docs`; do not edit. How to use them: [presets](../presets.md).", ""]
    lines += [
        f"{count} presets. Parameters are the published ones (those of GPT-3, published rounded, are worked out from"
    ]
    lines += ["its sizes), and a test counts them. A field that a preset does not name has its [default](fields.md)."]
    for family, table in PRESETS.items():
        lines += ["", *_family(*FAMILIES[family], table)]
    return "\n".join(lines) + "\n"


def _family(config: str, model: str, table: Mapping[str, Preset]) -> list[str]:
    lines = [f"## {config}", "", f"Parameters are those of `{model}`.", ""]
    lines += ["| name | model | parameters | paper | fields | no field expresses |", "|---|---|---|---|---|---|"]
    return lines + [_row(name, preset) for name, preset in table.items()]


def _row(name: str, preset: Preset) -> str:
    fields = ", ".join(f"{field}={value!r}" for field, value in preset.fields.items())
    return f"| `{name}` | {preset.meaning} | {preset.parameters:,} | {preset.paper} | `{fields}` | {preset.lacks} |"
