"""What is found without a network: names that were seen in training, and a linear model of neighbouring characters."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from scipy.sparse import csr_matrix
from sklearn.linear_model import SGDClassifier

from model_zoo.token_classification.data import LABELS, Sentences
from model_zoo.token_classification.scoring import names_of

# Places beside a character, whose characters together are one feature.
FEATURES = ((-2,), (-1,), (0,), (1,), (2,), (-2, -1), (-1, 0), (0, 1), (1, 2), (-1, 0, 1))
SLOTS = 2**19  # of the hashed features
EPOCHS = 2


def predictions(sentences: Sentences, texts: list[str]) -> dict[str, list[list[int]]]:
    """Train the baselines and label the texts that are held out.

    Args:
        sentences: To train on.
        texts: To be labelled.

    Returns:
        Name -> labels of the characters of each text.
    """
    return {
        "names seen in training": _seen(sentences, texts),
        "logistic regression on neighbours": _linear(sentences, texts),
    }


def _seen(sentences: Sentences, texts: list[str]) -> list[list[int]]:
    """Label the longest names that were seen, from left to right, if they mostly were names where they stood."""
    kinds: dict[str, Counter[str]] = defaultdict(Counter)
    for text, labels in zip(sentences.texts, sentences.labels, strict=True):
        for start, end, kind in names_of(labels):
            kinds[text[start:end]][kind] += 1
    sizes = sorted({len(name) for name in kinds}, reverse=True)
    seen = Counter(
        text[start : start + size]
        for text in sentences.texts
        for start in range(len(text))
        for size in sizes
        if start + size <= len(text) and text[start : start + size] in kinds
    )
    commonest = {name: counts.most_common(1)[0] for name, counts in kinds.items()}
    sure = {name: kind for name, (kind, count) in commonest.items() if 2 * count >= seen[name]}
    return [_matched(text, sure, sizes) for text in texts]


def _matched(text: str, kinds: dict[str, str], sizes: list[int]) -> list[int]:
    labels, place = [0] * len(text), 0
    while place < len(text):
        parts = (text[place : place + size] for size in sizes)
        name = next((part for part in parts if part in kinds), "")
        if name:
            begin = LABELS.index(f"B-{kinds[name]}")
            labels[place : place + len(name)] = [begin, *[begin + 1] * (len(name) - 1)]
        place += max(len(name), 1)
    return labels


def _linear(sentences: Sentences, texts: list[str]) -> list[list[int]]:
    truth = np.concatenate([np.array(labels) for labels in sentences.labels])
    model = SGDClassifier(loss="log_loss", alpha=1e-7, max_iter=EPOCHS, tol=None, average=True, random_state=0)
    found = model.fit(_features(sentences.texts), truth).predict(_features(texts))
    ends = np.cumsum([len(text) for text in texts])
    return [part.tolist() for part in np.split(found, ends[:-1])]


def _features(texts: list[str]) -> csr_matrix:
    """One row a character, with a one in the slot of each feature; texts are apart by more than features reach."""
    apart = "\0" * 2
    joined = apart + apart.join(texts) + apart
    codes = np.frombuffer(joined.encode("utf-32-le"), np.uint32).astype(np.uint64)
    lengths = np.array([len(text) for text in texts])
    places = np.arange(lengths.sum()) + np.repeat(2 * np.arange(1, len(texts) + 1), lengths)
    slots = np.stack([_hashed(number, codes, places, beside) for number, beside in enumerate(FEATURES)], axis=1)
    starts = np.arange(0, slots.size + 1, len(FEATURES))
    return csr_matrix((np.ones(slots.size, np.float32), slots.ravel(), starts), (len(places), SLOTS))


def _hashed(number: int, codes: np.ndarray, places: np.ndarray, beside: tuple[int, ...]) -> np.ndarray:
    """The slots of a feature, (characters): multiplied modulo 2^64, of which the high bits are well mixed."""
    mixed = np.full(len(places), number + 1, np.uint64)
    for step in beside:
        mixed = (mixed ^ codes[places + step]) * np.uint64(0x9E3779B97F4A7C15)
    return (mixed >> np.uint64(45)).astype(np.int32)
