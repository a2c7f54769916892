"""`Taskflow("feature_extraction", model=..., task_path=folder)`: a vector for each text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from paddle_xformers.errors import InputError
from paddle_xformers.nn.pooling import mean_of_tokens
from paddle_xformers.serving.settings import Settings, flag, one_of
from paddle_xformers.serving.texts import Text, TextTask


class FeatureExtractionTask(TextTask):
    """Turns texts into vectors with an encoder; see `LocalTask` for its arguments.

    Keywords of a call: `pooling`, "pooler" for the model's own pooler or "mean" for the mean of the last hidden states
    of the tokens, by default the pooler, if there is one with its weights; `truncation`: read only the beginning of a
    text that is longer than the model allows, rather than refuse it.

    A call returns one `{"text": text, "features": vector}` a text, in their order; a vector is a NumPy array (d).
    """

    optional_weights = ("pooler.",)
    settings: ClassVar[Settings] = {**TextTask.settings, "pooling": one_of("pooler", "mean"), "truncation": flag()}
    defaults: ClassVar[Mapping[str, Any]] = {**TextTask.defaults, "truncation": False}
    usage = """
    from paddlenlp import Taskflow

    embed = Taskflow("feature_extraction", model="xencoder", task_path="my_model")
    embed(["what a day", "oh no"])
    # [{"text": "what a day", "features": array([...])}, {"text": "oh no", "features": array([...])}]
"""

    def _initial_defaults(self) -> dict[str, Any]:
        return {**super()._initial_defaults(), "pooling": "pooler" if self._has_pooler() else "mean"}

    def _merged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        merged = super()._merged(given)
        if merged["pooling"] == "pooler" and not self._has_pooler():
            why = "no pooler" if self._model.pooler is None else "no weights for its pooler"
            raise InputError(
                f"pooling='pooler' is not possible: the model in {self._task_path} has {why}; give 'mean'."
            )
        return merged

    def _has_pooler(self) -> bool:
        return self._model.pooler is not None and not self._model.missing_weights

    def _compute(self, batch: list[Text], settings: Mapping[str, Any]) -> list[np.ndarray]:
        output, mask = self._forward(batch)
        pooled = output.pooler_output
        if settings["pooling"] == "mean":
            pooled = mean_of_tokens(output.last_hidden_state, mask > 0)
        return list(pooled.numpy())  # of each (d)

    def _postprocess(
        self, items: list[Text], outcomes: list[np.ndarray], settings: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        return [{"text": item.text, "features": vector} for item, vector in zip(items, outcomes, strict=True)]
