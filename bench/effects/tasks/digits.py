"""Tasks on the 1797 handwritten digits of scikit-learn, which PaddleNLP brings along: 8 x 8 pixels, 10 classes."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.effects.plan import Plan
from bench.effects.tasks.base import State, Task, chosen_rows
from paddle_xformers._compat import import_paddle

paddle = import_paddle()

CLASSES = 10
HELD_OUT = 360  # the last ones: other people's handwriting


def images_and_labels() -> tuple[np.ndarray, np.ndarray]:
    """Return the images, (1797, 8, 8), with mean 0 and standard deviation 1 over all pixels, and their classes."""
    from sklearn.datasets import load_digits

    digits = load_digits()
    images = digits.images.astype("float32")
    return (images - images.mean()) / images.std(), digits.target.astype("int64")


class Digits(Task):
    """Which digit an image shows.

    Args:
        plan: Sizes.
    """

    unit = "bits per label"
    about = "which digit an image of 8 x 8 pixels shows"

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.images, self.labels = images_and_labels()

    def build(self, fields: dict[str, Any]) -> Any:
        """Return an image classifier."""
        from paddle_xformers import XViTConfig, XViTForImageClassification

        return XViTForImageClassification(XViTConfig(num_classes=CLASSES, **{**self.plan.sizes, **fields}))

    def loss(self, model: Any, step: int, state: State) -> tuple[Any, State]:
        """Return the mean loss of a batch."""
        return self._loss(model, chosen_rows(len(self.images) - HELD_OUT, self.plan.images, step)), None

    def score(self, model: Any) -> float:
        """Return the cross entropy of the held-out classes, in bits."""
        with paddle.no_grad():
            return float(self._loss(model, np.arange(len(self.images) - HELD_OUT, len(self.images)))) / math.log(2)

    def _loss(self, model: Any, rows: np.ndarray) -> Any:
        pixels = paddle.to_tensor(self.images[rows][:, None])  # (b, 1, 8, 8)
        return model(pixel_values=pixels, labels=paddle.to_tensor(self.labels[rows]), return_dict=True).loss


class Rows(Task):
    """The next row of pixels of an image, from the rows above it.

    Args:
        plan: Sizes.
    """

    unit = "mean squared error"
    about = "the next row of pixels of a digit; 1 would be the error of always saying the mean"

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.images, _ = images_and_labels()

    def build(self, fields: dict[str, Any]) -> Any:
        """Return a model of sequences of vectors."""
        from paddle_xformers import XContinuousConfig, XContinuousForRegression

        return XContinuousForRegression(XContinuousConfig(max_seq_len=8, **{**self.plan.sizes, **fields}))

    def loss(self, model: Any, step: int, state: State) -> tuple[Any, State]:
        """Return the mean squared error of a batch."""
        return self._loss(model, chosen_rows(len(self.images) - HELD_OUT, self.plan.images, step)), None

    def score(self, model: Any) -> float:
        """Return the mean squared error of the held-out images."""
        with paddle.no_grad():
            return float(self._loss(model, np.arange(len(self.images) - HELD_OUT, len(self.images))))

    def _loss(self, model: Any, rows: np.ndarray) -> Any:
        images = paddle.to_tensor(self.images[rows])  # (b, 8, 8): a row is a place, its pixels are features
        return model(inputs=images, labels=images, return_dict=True).loss


class ToldRows(Rows):
    """The same rows, for a model that is told which digit they are of.

    Args:
        plan: Sizes.
    """

    about = "the next row of pixels of a digit, told which digit it is"

    def __init__(self, plan: Plan) -> None:
        super().__init__(plan)
        _, labels = images_and_labels()
        self.conditions = np.eye(CLASSES, dtype="float32")[labels]  # (1797, 10)

    def _loss(self, model: Any, rows: np.ndarray) -> Any:
        images, condition = paddle.to_tensor(self.images[rows]), paddle.to_tensor(self.conditions[rows])
        return model(inputs=images, labels=images, condition=condition, return_dict=True).loss
