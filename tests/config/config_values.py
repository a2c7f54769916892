"""Flat values to start from, as `validate` and the rules see them."""

from __future__ import annotations

from typing import Any

from paddle_xformers.config import canonical, schema

from ..contracts import registered  # noqa: F401 - rules are broken with registered names too


def flat(**given: Any) -> dict[str, Any]:
    """The default of every field, with some given in any spelling."""
    defaults = {name: info.default for name, info in schema().items()}
    return {**defaults, **canonical(given)}
