"""What its neighbours say about a hidden token: the commonest between the same two, or after one, or of all."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

import numpy as np

Context = tuple[Any, ...]


class Neighbours:
    """A table of contexts.

    Args:
        windows: Ids to learn from, (pieces, window).
    """

    def __init__(self, windows: np.ndarray) -> None:
        counts: dict[Context, Counter[int]] = defaultdict(Counter)
        for row in windows.tolist():
            for place, token in enumerate(row):
                for context in _contexts(row, place):
                    counts[context][token] += 1
        self.commonest = {context: counter.most_common(1)[0][0] for context, counter in counts.items()}

    def find(self, ids: list[int], place: int) -> int:
        """Guess the token at a place.

        Args:
            ids: The window, in which other tokens may be hidden too.
            place: Where.
        """
        return next(self.commonest[context] for context in _contexts(ids, place) if context in self.commonest)


def _contexts(row: list[int], place: int) -> Iterator[Context]:
    """Both neighbours, the left, the right, none."""
    left = row[place - 1] if place else None
    right = row[place + 1] if place + 1 < len(row) else None
    yield from (("both", left, right), ("left", left), ("right", right), ())
