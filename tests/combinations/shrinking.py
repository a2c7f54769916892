"""From a combination that fails to the fewest fields that fail."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from ..contracts.subjects.subject import Subject
from .outcome import outcome


def problem(subject: Subject, values: dict[str, Any]) -> str | None:
    """What is wrong with a configuration that is neither refused nor right; None: nothing."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            outcome(subject, values, Path(folder))
        except Exception as error:  # whatever it is, it is the third outcome
            return f"{type(error).__name__}: {str(error).strip()[:400]}"
    return None


def report(subject: Subject, values: dict[str, Any], trouble: str) -> str:
    """Name the fewest fields that fail, and how."""
    shrinking = True
    while shrinking:
        shrinking = False
        for name in list(values):
            fewer = {other: value for other, value in values.items() if other != name}
            still = problem(subject, fewer)
            if still is not None:
                values, trouble, shrinking = fewer, still, True
                break
    return f"{subject.name} with {values}: {trouble}"
