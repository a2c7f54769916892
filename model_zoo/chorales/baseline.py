"""What the next token of a voice is without a network: the note goes on, or what followed the last tokens elsewhere."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np

from model_zoo.chorales.data import HOLD, NUM_TOKENS

Context = tuple[int, ...]


class Ngrams:
    """Counts of each voice's tokens after its last ones, mixed from long to short contexts (Witten and Bell, 1991).

    Args:
        pieces: Tokens of pieces, (places, voices) each.
        order: Number of tokens of the longest context.
    """

    def __init__(self, pieces: list[np.ndarray], order: int = 4) -> None:
        self.order = order
        self.counts: list[dict[Context, Counter[int]]] = [defaultdict(Counter) for _ in range(pieces[0].shape[1])]
        for piece in pieces:
            for voice, counts in enumerate(self.counts):
                line = piece[:, voice].tolist()
                for place in range(1, len(line)):
                    for length in range(min(order, place) + 1):
                        counts[tuple(line[place - length : place])][line[place]] += 1

    def chances(self, line: list[int], voice: int) -> np.ndarray:
        """Return the chance of each token to be the next of a voice, (tokens)."""
        chances = np.full(NUM_TOKENS, 1 / NUM_TOKENS)
        for length in range(min(self.order, len(line)) + 1):
            seen = self.counts[voice].get(tuple(line[len(line) - length :]))
            if seen is None:
                break
            total, kinds = sum(seen.values()), len(seen)
            chances *= kinds / (total + kinds)
            for token, count in seen.items():
                chances[token] += count / (total + kinds)
        return chances


def scores(train: list[np.ndarray], windows: list[np.ndarray]) -> dict[str, list[float]]:
    """Score the baselines.

    Args:
        train: Tokens of pieces, (places, voices) each.
        windows: Likewise of what is held out; each is foreseen from its own beginning on.

    Returns:
        Name -> nats a token, and the share of tokens that were the likeliest; nan where there is no chance.
    """
    ngrams, nats, right, held = Ngrams(train), [], [], []
    for window in windows:
        for voice in range(window.shape[1]):
            line = window[:, voice].tolist()
            for place in range(1, len(line)):
                chances = ngrams.chances(line[max(0, place - ngrams.order) : place], voice)
                nats.append(-np.log(chances[line[place]]))
                right.append(chances.argmax() == line[place])
                held.append(line[place] == HOLD)
    return {
        "each voice after its last four": [float(np.mean(nats)), float(np.mean(right))],
        "every note goes on": [float("nan"), float(np.mean(held))],
    }
