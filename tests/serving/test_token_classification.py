"""Labels of tokens, of words, and of words joined to spans."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from paddle_xformers import XByteTokenizer
from paddle_xformers.serving.spans import Labelled, joined, words_of

from .served import BY_NAME, LABELS, TEXTS
from .test_text_tasks import by_hand, softmax

CASE = BY_NAME["token_classification-xencoder"]
NAMES = LABELS["id2label"]


def test_tokens_have_the_labels_and_places_that_model_and_tokenizer_give(made: Any, folder_of: Any):
    output, tokenizer, _ = by_hand(CASE, folder_of(CASE), TEXTS)
    chances = softmax(output.logits)
    for row, answer in enumerate(made(CASE)(TEXTS, aggregation="token")):
        text, found = TEXTS[row], answer["predictions"]
        offsets = tokenizer(text, return_offsets_mapping=True)["offset_mapping"][1:-1]  # without <cls> and <sep>
        assert [(one["start"], one["end"]) for one in found] == [tuple(place) for place in offsets]
        inside = chances[row, 1 : len(offsets) + 1]
        assert [one["label"] for one in found] == [NAMES[number] for number in inside.argmax(-1)]
        np.testing.assert_allclose([one["score"] for one in found], inside.max(-1), atol=1e-6)
        assert all(one["text"] == text[one["start"] : one["end"]] for one in found)


def test_a_word_has_the_mean_of_its_tokens(made: Any, folder_of: Any):
    output, _, _ = by_hand(CASE, folder_of(CASE), ["Größe, 中文"])
    chances = softmax(output.logits)[0, 1:-1]
    sizes = [len(part.encode()) for part in ("Größe", ",", " ", "中", "文")]
    ends = np.cumsum(sizes)
    parts = [chances[end - size : end].mean(0) for size, end in zip(sizes, ends, strict=True)]
    wanted = [parts[number] for number in (0, 1, 3, 4)]
    (answer,) = made(CASE)("Größe, 中文", aggregation="word")
    assert [one["text"] for one in answer["predictions"]] == ["Größe", ",", "中", "文"]
    assert [one["label"] for one in answer["predictions"]] == [NAMES[int(part.argmax())] for part in wanted]
    scores = [one["score"] for one in answer["predictions"]]
    np.testing.assert_allclose(scores, [part.max() for part in wanted], atol=1e-6)


def test_spans_are_words_joined(made: Any):
    task = made(CASE)
    for text in TEXTS:
        words = task(text, aggregation="word")[0]["predictions"]
        labelled = [Labelled(one["start"], one["end"], one["label"], one["score"]) for one in words]
        found = task(text)[0]["predictions"]
        assert [(one["start"], one["end"], one["label"]) for one in found] == [
            (span.start, span.end, span.label) for span in joined(labelled)
        ]
        assert all(one["text"] == text[one["start"] : one["end"]] and one["label"] in ("PER", "LOC") for one in found)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Ada Lovelace, 1815!", ["Ada", "Lovelace", ",", "1815", "!"]),
        ("北京abc東京", ["北", "京", "abc", "東", "京"]),
        ("カナ snake_case", ["カ", "ナ", "snake_case"]),
        (" \t\n", []),
        ("a😀b", ["a", "😀", "b"]),
    ],
)
def test_words(text: str, words: list[str]):
    assert [text[start:end] for start, end in words_of(text)] == words


@pytest.mark.parametrize(
    ("labels", "spans"),
    [
        ("O B-PER I-PER O", ["1-3 PER"]),
        ("B-PER B-PER I-PER", ["0-1 PER", "1-3 PER"]),
        ("I-PER I-PER", ["0-2 PER"]),
        ("B-PER I-LOC", ["0-1 PER", "1-2 LOC"]),
        ("B-PER O I-PER", ["0-1 PER", "2-3 PER"]),
        ("B-PER I-PER E-PER I-PER", ["0-3 PER", "3-4 PER"]),
        ("S-PER I-PER", ["0-1 PER", "1-2 PER"]),
        ("PER PER LOC O LOC", ["0-2 PER", "2-3 LOC", "4-5 LOC"]),
        ("B-first-name I-first-name", ["0-2 first-name"]),
        ("x-ray x-ray", ["0-2 x-ray"]),
        ("O O", []),
    ],
)
def test_joining(labels: str, spans: list[str]):
    words = [Labelled(number, number + 1, label, 0.5) for number, label in enumerate(labels.split())]
    assert [f"{span.start}-{span.end} {span.label}" for span in joined(words)] == spans


def test_a_span_has_the_mean_score():
    (span,) = joined([Labelled(0, 1, "B-x", 0.5), Labelled(2, 3, "I-x", 1.0)])
    assert span.score == 0.75


def test_a_text_of_spaces_has_no_words_but_tokens(made: Any):
    assert made(CASE)("  ")[0]["predictions"] == []
    assert len(made(CASE)("  ", aggregation="token")[0]["predictions"]) == 2


def test_special_tokens_in_a_text_are_one_part(made: Any):
    (answer,) = made(CASE)("a<sep>b", aggregation="token")
    assert [one["text"] for one in answer["predictions"]] == ["a", "<sep>", "b"]
    assert XByteTokenizer()("<sep>")["input_ids"] == [6]
