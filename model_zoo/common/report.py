"""What a recipe prints at its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def table(head: Sequence[str], rows: Mapping[str, Sequence[float]]) -> str:
    """Lay out scores, one row each thing measured.

    Args:
        head: Names of the columns, the first for the names of the rows.
        rows: Name -> scores.
    """
    first = max(len(head[0]), *map(len, rows))
    widths = [max(9, len(name)) for name in head[1:]]
    lines = [
        "  ".join([head[0].ljust(first), *(name.rjust(width) for name, width in zip(head[1:], widths, strict=True))])
    ]
    for name, scores in rows.items():
        cells = (f"{score:.4f}".rjust(width) for score, width in zip(scores, widths, strict=True))
        lines.append("  ".join([name.ljust(first), *cells]))
    return "\n".join(lines)


def trained(outcome: Mapping[str, Any], batch: int) -> str:
    """Say how long the training was.

    Args:
        outcome: What `fit` noted.
        batch: Rows a step.
    """
    rows = outcome["steps"] * batch
    return (
        f"Trained: {outcome['steps']:,} steps, {rows:,} rows in {outcome['seconds']:.0f} s "
        f"({rows / max(outcome['seconds'], 1e-9):,.0f} rows/s); last loss {outcome['history'][-1][2]:.3f}"
        if outcome["history"]
        else f"Trained: {outcome['steps']:,} steps in {outcome['seconds']:.0f} s"
    )
