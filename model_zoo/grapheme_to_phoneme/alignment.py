"""Which letter stands for which phones: hard EM, from nothing but words and pronunciations."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable

Chunk = tuple[str, ...]  # the phones of one letter: none, one or two
Cost = Callable[[str, Chunk], float]
ROUNDS = 3
UNSEEN = 12.0  # nats


def aligned(pairs: list[tuple[str, Chunk]], sample: int) -> list[tuple[str, list[Chunk]]]:
    """Give every letter of each word its phones.

    Args:
        pairs: Words and pronunciations.
        sample: So many of them serve to learn which letter means what.

    Returns:
        Words and the phones of each of their letters; without words that have more than two phones a letter.
    """
    cost = _by_cooccurrence(pairs[:sample])
    for _ in range(ROUNDS):
        cost = _by_counts(_align_all(pairs[:sample], cost))
    return list(_align_all(pairs, cost))


def _align_all(pairs: Iterable[tuple[str, Chunk]], cost: Cost) -> Iterable[tuple[str, list[Chunk]]]:
    return ((word, _align(word, phones, cost)) for word, phones in pairs if len(phones) <= 2 * len(word))


def _align(word: str, phones: Chunk, cost: Cost) -> list[Chunk]:
    """The cheapest way to divide the phones among the letters."""
    best: dict[int, tuple[float, list[int]]] = {0: (0.0, [])}  # phones used -> cost, and how many for each letter
    for number, letter in enumerate(word):
        left = 2 * (len(word) - number - 1)
        reached: dict[int, tuple[float, list[int]]] = {}
        for used, (paid, counts) in best.items():
            for size in range(min(2, len(phones) - used) + 1):
                if len(phones) - used - size > left:
                    continue
                total = paid + cost(letter, phones[used : used + size])
                if used + size not in reached or total < reached[used + size][0]:
                    reached[used + size] = (total, [*counts, size])
        best = reached
    chunks, used = [], 0
    for size in best[len(phones)][1]:
        chunks.append(phones[used : used + size])
        used += size
    return chunks


def _by_cooccurrence(pairs: list[tuple[str, Chunk]]) -> Cost:
    """A first guess: letters and phones that are often in the same words belong together."""
    both: Counter[tuple[str, str]] = Counter()
    letters: Counter[str] = Counter()
    sounds: Counter[str] = Counter()
    for word, phones in pairs:
        letters.update(set(word))
        sounds.update(set(phones))
        both.update((letter, phone) for letter in set(word) for phone in set(phones))

    def cost(letter: str, chunk: Chunk) -> float:
        if not chunk:
            return 1.0
        chance = [both[letter, phone] * len(pairs) / (letters[letter] * sounds[phone] + 1) for phone in chunk]
        return sum(-math.log(value + 1e-3) for value in chance) + 2.0 * (len(chunk) - 1)

    return cost


def _by_counts(found: Iterable[tuple[str, list[Chunk]]]) -> Cost:
    """Minus the log of how often a letter had these phones."""
    pairs: Counter[tuple[str, Chunk]] = Counter()
    letters: Counter[str] = Counter()
    for word, chunks in found:
        letters.update(word)
        pairs.update(zip(word, chunks, strict=True))
    costs = {pair: math.log(letters[pair[0]] / count) for pair, count in pairs.items()}
    return lambda letter, chunk: costs.get((letter, chunk), UNSEEN)
