"""`Taskflow("image_classification", model=..., task_path=folder)`: labels for images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from paddle_xformers.errors import CheckpointError
from paddle_xformers.serving.images import ImageTask
from paddle_xformers.serving.labels import ClassificationTask
from paddle_xformers.serving.settings import Settings


class ImageClassificationTask(ClassificationTask, ImageTask):
    """Labels images; see `LocalTask` for its arguments.

    The keywords of a call are those of `ClassificationTask` and `ImageTask`. A call returns one
    `{"predictions": [{"label": ..., "score": ...}, ...]}` an image, in their order.
    """

    settings: ClassVar[Settings] = {**ClassificationTask.settings, **ImageTask.settings}
    usage = """
    from paddlenlp import Taskflow

    classify = Taskflow("image_classification", model="xvit", task_path="my_model")
    classify("photo.png")
    # [{"predictions": [{"label": "cat", "score": 0.8}]}]
    classify(["photo.png", pil_image, array], top_k=3)
"""

    def _construct_model(self, model: str) -> None:
        super()._construct_model(model)
        if not self._model.config.num_labels:
            raise CheckpointError(
                f"the model in {self._task_path} has num_labels=0, so no classes: fine-tune it with some, and save it."
            )

    def _compute(self, batch: list[tuple[int, Any]], settings: Mapping[str, Any]) -> list[np.ndarray]:
        output = self._model(self._pixels(batch, settings), return_dict=True)
        return list(output.logits.numpy())  # of each (classes)

    def _postprocess(
        self, items: list[Any], outcomes: list[np.ndarray], settings: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        return [{"predictions": self._predictions(logits, settings)} for logits in outcomes]
