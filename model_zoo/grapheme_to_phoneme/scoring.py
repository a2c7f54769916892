"""How wrong pronunciations are: phoneme error rate and word accuracy."""

from __future__ import annotations

from collections.abc import Sequence

from model_zoo.grapheme_to_phoneme.data import Lexicon


def distance(found: Sequence[str], wanted: Sequence[str]) -> int:
    """Count the insertions, deletions and replacements between two sequences, the fewest that do.

    Args:
        found: The one.
        wanted: The other.
    """
    row = list(range(len(wanted) + 1))  # from nothing to each prefix of `wanted`
    for done, phone in enumerate(found, start=1):
        diagonal, row[0] = row[0], done
        for place, other in enumerate(wanted, start=1):
            best = min(row[place] + 1, row[place - 1] + 1, diagonal + (phone != other))
            diagonal, row[place] = row[place], best
    return row[-1]


def scores_of(found: dict[str, Sequence[str]], lexicon: Lexicon) -> list[float]:
    """Compare with the nearest pronunciation of each word.

    Args:
        found: Word -> phones.
        lexicon: Word -> the pronunciations that are right.

    Returns:
        The phoneme error rate (errors by phones of the pronunciations compared with) and the share of words without
        an error.
    """
    errors = phones = right = 0
    for word, ways in lexicon.items():
        wrong, length = min((distance(found[word], way), len(way)) for way in ways)
        errors, phones, right = errors + wrong, phones + length, right + (wrong == 0)
    return [errors / phones, right / len(lexicon)]
