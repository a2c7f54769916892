"""What letters say by their neighbours alone: the commonest phones of each letter in the widest context seen before.

Letters are aligned with phones (`alignment.py`); a letter of a new word then gets the phones that it had most often
between the same neighbours, four on each side, or else three, and so on to none.
"""

from __future__ import annotations

from collections import Counter

from model_zoo.grapheme_to_phoneme.alignment import Chunk, aligned
from model_zoo.grapheme_to_phoneme.data import Lexicon

REACH = 4  # letters on each side
SAMPLE = 20_000  # words from which the alignment is learned


class Neighbours:
    """A table of contexts.

    Args:
        lexicon: Words to learn from; the first pronunciation of each counts.
    """

    def __init__(self, lexicon: Lexicon) -> None:
        known = aligned([(word, ways[0]) for word, ways in lexicon.items()], SAMPLE)
        self.tables = [_commonest(known, reach) for reach in range(REACH, -1, -1)]

    def say(self, word: str) -> list[str]:
        """Pronounce a word.

        Args:
            word: The word.
        """
        phones: list[str] = []
        for place in range(len(word)):
            contexts = (_context(word, place, reach) for reach in range(REACH, -1, -1))
            found = (table.get(context) for table, context in zip(self.tables, contexts, strict=True))
            phones.extend(next((chunk for chunk in found if chunk is not None), ()))
        return phones


def _commonest(known: list[tuple[str, list[Chunk]]], reach: int) -> dict[str, Chunk]:
    """Context -> the phones that the letter in its middle has most often."""
    counts: dict[str, Counter[Chunk]] = {}
    for word, chunks in known:
        for place, chunk in enumerate(chunks):
            counts.setdefault(_context(word, place, reach), Counter())[chunk] += 1
    return {context: counter.most_common(1)[0][0] for context, counter in counts.items()}


def _context(word: str, place: int, reach: int) -> str:
    """The letter at a place and its neighbours, with "#" beyond the ends."""
    padded = "#" * reach + word + "#" * reach
    return padded[place : place + 2 * reach + 1]
