"""How long a recipe trains, and how its trial differs."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Plan:
    """What a run is made of, besides the fields of its model.

    Attributes:
        batch: Rows a step.
        learning_rate: Its highest value.
        steps: Number of training steps; None means `seconds` decide.
        seconds: Time for training; None means `steps` decide.
        limit: Rows of the data that are used; None is all.
        fields: Fields of the model that replace those of config.json.
    """

    batch: int
    learning_rate: float
    steps: int | None
    seconds: float | None = None
    limit: int | None = None
    fields: dict[str, Any] = field(default_factory=dict)


def model_fields(recipe: Path, plan: Plan) -> dict[str, Any]:
    """Read the fields of the model.

    Args:
        recipe: The folder of the recipe, with config.json.
        plan: What replaces some of them.
    """
    return {**json.loads((recipe / "config.json").read_text(encoding="utf-8")), **plan.fields}
