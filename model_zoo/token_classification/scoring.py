"""How well names are found: precision, recall and F1 of whole names."""

from __future__ import annotations

from collections.abc import Sequence

from model_zoo.token_classification.data import LABELS

Name = tuple[int, int, str]  # first character, the one behind the last, kind


def names_of(labels: Sequence[int]) -> set[Name]:
    """Find the names that labels mark; an I without its beginning begins one.

    Args:
        labels: Places in LABELS, one a character.
    """
    names, start, kind = set(), 0, ""
    for place, label in enumerate([*labels, 0]):
        mark, _, now = LABELS[label].partition("-")
        if kind and (mark != "I" or now != kind):
            names.add((start, place, kind))
            kind = ""
        if now and not kind:
            start, kind = place, now
    return names


def scores_of(found: Sequence[Sequence[int]], wanted: Sequence[Sequence[int]], kind: str | None = None) -> list[float]:
    """Compare names: one is right if it begins, ends and is called as the reference says.

    Args:
        found: Labels of the characters of each text.
        wanted: Those that are right.
        kind: Count names of this kind only.

    Returns:
        Precision, recall and F1.
    """
    right = of_found = of_wanted = 0
    for some, others in zip(found, wanted, strict=True):
        ours, theirs = ({one for one in names_of(labels) if kind in (None, one[2])} for labels in (some, others))
        right, of_found, of_wanted = right + len(ours & theirs), of_found + len(ours), of_wanted + len(theirs)
    return [right / max(of_found, 1), right / max(of_wanted, 1), 2 * right / max(of_found + of_wanted, 1)]
