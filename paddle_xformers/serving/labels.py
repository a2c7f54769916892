"""From the logits of a classifier to labels with scores, as texts and images share it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from paddle_xformers.errors import InputError
from paddle_xformers.models.classification import MULTI, REGRESSION, SINGLE
from paddle_xformers.serving.settings import Setting, Settings, at_least, is_number
from paddle_xformers.serving.task import LocalTask

_THRESHOLD = 0.5


def softmax(logits: np.ndarray) -> np.ndarray:
    """Turn logits into probabilities over the last axis, in float64.

    Args:
        logits: (..., classes).
    """
    powers = np.exp(logits.astype("float64") - logits.max(axis=-1, keepdims=True))
    chances: np.ndarray = powers / powers.sum(axis=-1, keepdims=True)
    return chances


def label_of(config: Any, number: int) -> str:
    """Return the name of a class.

    Args:
        config: Configuration of the model, with id2label.
        number: Number of the class.
    """
    return str((config.id2label or {}).get(number, f"LABEL_{number}"))


class ClassificationTask(LocalTask):
    """A task that gives labels; see `LocalTask` for its arguments.

    Labels are those of `id2label` in config.json. `problem_type` there says what scores are: probabilities of classes
    of which one is right (softmax), of labels that may hold together (sigmoid), or numbers (regression); without it one
    output is a number, and several are classes.

    Keywords of a call: `top_k`, the most labels that are given (by default the best one, or all numbers), best first;
    `threshold`, of labels that may hold together those with a higher score are given (0.5 by default).
    """

    settings: ClassVar[Settings] = {
        **LocalTask.settings,
        "top_k": at_least(1),
        "threshold": Setting("a number from 0 to 1", lambda v: is_number(v) and 0 <= v <= 1),
    }

    def _merged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        merged = super()._merged(given)
        if "threshold" in given and self._problem() != MULTI:
            raise InputError(
                f"threshold={given['threshold']} has no effect: this model's problem_type is {self._problem()!r}, not "
                f"{MULTI!r}; leave it out, or take the best labels with top_k."
            )
        return merged

    def _problem(self) -> str:
        config = self._model.config
        return config.problem_type or (REGRESSION if config.num_labels == 1 else SINGLE)

    def _predictions(self, logits: np.ndarray, settings: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Labels and scores of one item from its logits, (classes)."""
        problem = self._problem()
        if problem == REGRESSION:
            scores, chosen = logits, list(range(len(logits)))
        elif problem == MULTI:
            scores = 1 / (1 + np.exp(-logits.astype("float64")))
            limit = settings.get("threshold", _THRESHOLD)
            chosen = [number for number in _best_first(scores) if scores[number] > limit]
        else:
            scores = softmax(logits)
            chosen = _best_first(scores)[: settings.get("top_k", 1)]
        config = self._model.config
        return [
            {"label": label_of(config, number), "score": float(scores[number])}
            for number in chosen[: settings.get("top_k", len(chosen))]
        ]


def _best_first(scores: np.ndarray) -> list[int]:
    numbers: list[int] = np.argsort(-scores, kind="stable").tolist()
    return numbers
