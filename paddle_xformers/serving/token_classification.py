"""`Taskflow("token_classification", model=..., task_path=folder)`: labels for the words of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from paddle_xformers.serving.labels import label_of, softmax
from paddle_xformers.serving.settings import Settings, one_of
from paddle_xformers.serving.spans import Labelled, Place, joined, words_of
from paddle_xformers.serving.texts import Text, TextTask


class TokenClassificationTask(TextTask):
    """Labels parts of texts with an encoder; see `LocalTask` for its arguments.

    Labels are those of `id2label` in config.json, scores probabilities. The keyword `aggregation` of a call says what
    has a label: each "token"; each "word", which has the mean probabilities of its tokens; or each "span" (default),
    words of one entity joined: B-x begins one (S-x one of a single word), I-x or E-x goes on with it, equal labels
    without such a beginning join, and words labelled O are left out. The score of a span is the mean of its words'.

    A call returns one `{"text": text, "predictions": [{"text": part, "label": ..., "score": ..., "start": ..., "end":
    ...}]}` a text, in their order; `text[start:end]` is the part. Special tokens have no place there.
    """

    settings: ClassVar[Settings] = {**TextTask.settings, "aggregation": one_of("token", "word", "span")}
    defaults: ClassVar[Mapping[str, Any]] = {**TextTask.defaults, "aggregation": "span"}
    usage = """
    from paddlenlp import Taskflow

    find = Taskflow("token_classification", model="xencoder", task_path="my_model")
    find("Ada Lovelace wrote it")
    # [{"text": ..., "predictions": [{"text": "Ada Lovelace", "label": "PER", "score": 0.9, "start": 0, "end": 12}]}]
    find("Ada Lovelace wrote it", aggregation="word")
"""

    def _compute(self, batch: list[Text], settings: Mapping[str, Any]) -> list[np.ndarray]:
        logits = self._forward(batch)[0].logits.numpy()  # (b, n, classes)
        return [softmax(row[: len(text.ids)]) for row, text in zip(logits, batch, strict=True)]

    def _postprocess(
        self, items: list[Text], outcomes: list[np.ndarray], settings: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        found = []
        for item, chances in zip(items, outcomes, strict=True):
            parts = self._parts(item.text, chances, settings["aggregation"])
            predictions = [
                {
                    "text": item.text[part.start : part.end],
                    "label": part.label,
                    "score": part.score,
                    "start": part.start,
                    "end": part.end,
                }
                for part in parts
            ]
            found.append({"text": item.text, "predictions": predictions})
        return found

    def _parts(self, text: str, chances: np.ndarray, aggregation: str) -> list[Labelled]:
        """The labelled parts of a text from the probabilities of its tokens, (n, classes)."""
        offsets = self._tokenizer(text, return_offsets_mapping=True)["offset_mapping"]
        tokens = [(tuple(place), row) for place, row in zip(offsets, chances, strict=True) if place[0] < place[1]]
        if aggregation == "token":
            return [self._labelled(place, row) for place, row in tokens]
        words = []
        for start, end in words_of(text):
            inside = [row for (first, last), row in tokens if first < end and last > start]
            if inside:
                words.append(self._labelled((start, end), np.mean(inside, axis=0)))
        return words if aggregation == "word" else joined(words)

    def _labelled(self, place: Place, chances: np.ndarray) -> Labelled:
        best = int(chances.argmax())
        return Labelled(*place, label_of(self._model.config, best), float(chances[best]))
