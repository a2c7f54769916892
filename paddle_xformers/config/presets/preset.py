"""What a preset is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Preset:
    """A well-known architecture, without weights.

    Dropout and token ids are no part of it: the first belongs to a training, the second to a tokenizer.

    Args:
        meaning: One line: which model it is.
        paper: Its arXiv number, or authors and year.
        parameters: The published number of parameters, of the family's main class; each table says where it stands.
        fields: The fields that differ from the family's defaults.
        lacks: What of the published model no field expresses; it has no parameters.
    """

    meaning: str
    paper: str
    parameters: int
    fields: Mapping[str, Any]
    lacks: str = ""
