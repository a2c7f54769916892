"""Words of a text, and words of one entity joined to a span."""

from __future__ import annotations

import re
from dataclasses import dataclass

Place = tuple[int, int]

# Scripts that put no space between words: each character is taken for a word.
_ALONE = "\u2e80-\u2fdf\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003fffd"
_WORD = re.compile(rf"[{_ALONE}]|(?:(?![{_ALONE}])\w)+|[^\w\s]")
_OUTSIDE = "O"


@dataclass(frozen=True)
class Labelled:
    """A part of a text with its label.

    Attributes:
        start: Its first character.
        end: The character behind its last.
        label: The label.
        score: Its probability.
    """

    start: int
    end: int
    label: str
    score: float


def words_of(text: str) -> list[Place]:
    """Find the words of a text: runs of letters and digits, and each Chinese character or other sign by itself.

    Args:
        text: Any text.

    Returns:
        The start and end of each, in characters.
    """
    return [match.span() for match in _WORD.finditer(text)]


def joined(words: list[Labelled]) -> list[Labelled]:
    """Join words of one entity, and leave out those of none.

    Args:
        words: The words of a text in their order, with labels such as B-PER, I-PER and O, or plain ones.

    Returns:
        The spans, with labels such as PER; the score of each is the mean of its words'.
    """
    spans: list[tuple[str, list[Labelled]]] = []
    open_kind = None  # of the entity that the next word may go on with
    for word in words:
        mark, kind = _split(word.label)
        if kind != _OUTSIDE:
            if kind == open_kind and mark not in ("B", "S"):
                spans[-1][1].append(word)
            else:
                spans.append((kind, [word]))
        open_kind = None if kind == _OUTSIDE or mark in ("E", "S") else kind
    return [
        Labelled(parts[0].start, parts[-1].end, kind, sum(part.score for part in parts) / len(parts))
        for kind, parts in spans
    ]


def _split(label: str) -> tuple[str, str]:
    """The mark of a label and the kind of entity: "B-PER" is "B" and "PER", "PER" is "" and "PER"."""
    mark, dash, kind = label.partition("-")
    return (mark, kind) if dash and mark in ("B", "I", "E", "S", "M") else ("", label)
