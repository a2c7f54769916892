"""How well captions fit: those without an error, and the words that two captions share."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

SKIN = re.compile(r", .* skin$")


def scores_of(found: Sequence[str], wanted: Sequence[str]) -> list[float]:
    """Compare captions.

    Args:
        found: The captions.
        wanted: Those that are right.

    Returns:
        The share of captions that are right, that of captions right but for the skin, and F1 of words.
    """
    whole = sum(one == other for one, other in zip(found, wanted, strict=True))
    bare = sum(SKIN.sub("", one) == SKIN.sub("", other) for one, other in zip(found, wanted, strict=True))
    ours, theirs = ([Counter(text.replace(",", "").split()) for text in texts] for texts in (found, wanted))
    shared = sum((one & other).total() for one, other in zip(ours, theirs, strict=True))
    words = sum(one.total() for one in [*ours, *theirs])
    return [whole / len(wanted), bare / len(wanted), 2 * shared / max(words, 1)]
