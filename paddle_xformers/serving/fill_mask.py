"""`Taskflow("fill_mask", model=..., task_path=folder)`: tokens for the masked places of texts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from paddle_xformers.errors import CheckpointError, InputError
from paddle_xformers.serving.labels import softmax
from paddle_xformers.serving.settings import Settings, at_least
from paddle_xformers.serving.texts import Text, TextTask


class FillMaskTask(TextTask):
    """Fills in masked tokens with an encoder; see `LocalTask` for its arguments.

    A text holds the tokenizer's mask token, `<mask>` for the tokenizers of this package, once or several times; each
    stands for one token, which for `XByteTokenizer` is one byte. The keyword `top_k` (5 by default) of a call is the
    number of tokens given for each.

    A call returns one `{"text": text, "predictions": [...]}` a text, in their order; its predictions are a list for
    each mask, of `{"token": id, "token_str": its text, "score": probability, "sequence": the text with it}`, best
    first. Other masks stay in the sequence.
    """

    settings: ClassVar[Settings] = {**TextTask.settings, "top_k": at_least(1)}
    defaults: ClassVar[Mapping[str, Any]] = {**TextTask.defaults, "top_k": 5}
    usage = """
    from paddlenlp import Taskflow

    fill = Taskflow("fill_mask", model="xencoder", task_path="my_model")
    fill("to be or not to <mask>e", top_k=1)
    # [{"text": ..., "predictions": [[{"token": 106, "token_str": "b", "score": 0.9, "sequence": ...}]]}]
"""

    def _construct_tokenizer(self, model: str) -> None:
        super()._construct_tokenizer(model)
        mask, size = self._tokenizer.mask_token_id, self._model.config.num_tokens
        if mask is None or mask >= size:
            has = "no mask token" if mask is None else f"the mask token id {mask}, beyond the model's num_tokens={size}"
            raise CheckpointError(
                f"the tokenizer in {self._task_path} has {has}, so that no text can say what to fill in: save the one "
                "there that the model was trained with."
            )
        self._tokenizer.split_special_tokens = False  # or the mask in a text would be cut into pieces

    def _preprocess(self, inputs: tuple[Any, ...], settings: Mapping[str, Any]) -> list[Text]:
        texts = super()._preprocess(inputs, settings)
        for number, text in enumerate(texts):
            if self._tokenizer.mask_token_id not in text.ids:
                raise InputError(
                    f"text {number} has no mask: write {self._tokenizer.mask_token} where a token is to be filled in."
                )
        return texts

    def _compute(self, batch: list[Text], settings: Mapping[str, Any]) -> list[np.ndarray]:
        logits = self._forward(batch)[0].logits.numpy()  # (b, n, v)
        masks = [np.flatnonzero(np.equal(text.ids, self._tokenizer.mask_token_id)) for text in batch]
        return [softmax(row[places]) for row, places in zip(logits, masks, strict=True)]  # of each (masks, v)

    def _postprocess(
        self, items: list[Text], outcomes: list[np.ndarray], settings: Mapping[str, Any]
    ) -> list[dict[str, Any]]:
        answers = []
        for item, chances in zip(items, outcomes, strict=True):
            ids = self._tokenizer(item.text, add_special_tokens=False)["input_ids"]
            places = np.flatnonzero(np.equal(ids, self._tokenizer.mask_token_id)).tolist()
            filled = [
                self._best(ids, place, row, settings["top_k"]) for place, row in zip(places, chances, strict=True)
            ]
            answers.append({"text": item.text, "predictions": filled})
        return answers

    def _best(self, ids: list[int], place: int, chances: np.ndarray, top_k: int) -> list[dict[str, Any]]:
        """The likeliest tokens of one mask."""
        return [
            {
                "token": token,
                "token_str": self._tokenizer.decode([token]),
                "score": float(chances[token]),
                "sequence": self._tokenizer.decode([*ids[:place], token, *ids[place + 1 :]]),
            }
            for token in np.argsort(-chances, kind="stable")[:top_k].tolist()
        ]
