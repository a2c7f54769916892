"""`Taskflow("text_classification", model=..., task_path=folder)`: labels for texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from paddle_xformers.serving.labels import ClassificationTask
from paddle_xformers.serving.settings import Settings, flag
from paddle_xformers.serving.texts import Text, TextTask


class TextClassificationTask(ClassificationTask, TextTask):
    """Labels texts with an encoder or a decoder; see `LocalTask` for its arguments.

    The keywords of a call are those of `ClassificationTask`, and `truncation`: read only the beginning of a text that
    is longer than the model allows, rather than refuse it. A call returns one
    `{"text": text, "predictions": [{"label": ..., "score": ...}, ...]}` a text, in their order.
    """

    settings: ClassVar[Settings] = {**ClassificationTask.settings, "truncation": flag()}
    defaults: ClassVar[Mapping[str, Any]] = {**ClassificationTask.defaults, "truncation": False}
    usage = """
    from paddlenlp import Taskflow

    classify = Taskflow("text_classification", model="xencoder", task_path="my_model")
    classify("what a day")
    # [{"text": "what a day", "predictions": [{"label": "bright", "score": 0.8}]}]
    classify(["what a day", "oh no"], top_k=2)
"""

    def _compute(self, batch: list[Text], settings: Mapping[str, Any]) -> list[np.ndarray]:
        output, _ = self._forward(batch)
        return list(output.logits.numpy())  # of each (classes)

    def _postprocess(
        self, items: list[Text], outcomes: list[np.ndarray], settings: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        return [
            {"text": item.text, "predictions": self._predictions(logits, settings)}
            for item, logits in zip(items, outcomes, strict=True)
        ]
