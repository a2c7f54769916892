"""From the texts of a call to rows of token ids, and from rows to a padded batch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from paddle_xformers._compat import import_paddle
from paddle_xformers.errors import InputError
from paddle_xformers.serving.folders import load_tokenizer
from paddle_xformers.serving.task import LocalTask

paddle = import_paddle()


@dataclass(frozen=True)
class Text:
    """A text and its token ids, with the special tokens that the tokenizer puts around.

    Attributes:
        text: What the user gave.
        ids: The ids.
    """

    text: str
    ids: list[int]


class TextTask(LocalTask):
    """A task about texts, with a tokenizer from the folder; see `LocalTask` for its arguments."""

    # Fields of the model that hold the size of the vocabulary and the most tokens of a text.
    vocabulary_field: ClassVar[str] = "num_tokens"
    length_field: ClassVar[str] = "max_seq_len"

    def _construct_tokenizer(self, model: str) -> None:
        self._tokenizer = load_tokenizer(self._task_path)

    def _preprocess(self, inputs: tuple[Any, ...], settings: Mapping[str, Any]) -> list[Text]:
        options: dict[str, Any] = {}
        if settings.get("truncation") and self._longest():
            options = {"truncation": True, "max_length": self._longest()}
        texts = [Text(text, self._tokenizer(text, **options)["input_ids"]) for text in as_texts(inputs)]
        for number, text in enumerate(texts):
            self._check_ids(number, text.ids)
            self._check_length(number, len(text.ids), settings)
        return texts

    def _longest(self) -> int:
        """Most tokens of a text; 0: no limit."""
        return int(getattr(self._model.config, self.length_field))

    def _check_ids(self, number: int, ids: list[int]) -> None:
        """Refuse a text that the model has no tokens for."""
        if not ids:
            raise InputError(f"text {number} has no token in this model's tokenizer: give a longer text.")
        size = int(getattr(self._model.config, self.vocabulary_field))
        if max(ids) >= size:
            raise InputError(
                f"text {number} has the token id {max(ids)}, but the model in {self._task_path} has "
                f"{self.vocabulary_field}={size}: save the tokenizer there that belongs to it."
            )

    def _check_length(self, number: int, length: int, settings: Mapping[str, Any]) -> None:
        """Refuse a text that is longer than the model allows."""
        longest = self._longest()
        if longest and length > longest:
            way = ", or pass truncation=True" if "truncation" in settings else ""
            raise InputError(
                f"text {number} has {length} tokens, more than the model's {self.length_field}={longest}: shorten the "
                f"text{way}."
            )

    def _forward(self, batch: list[Text]) -> tuple[Any, Any]:
        """Run the model on a batch; return its output object and the mask, (b, n)."""
        ids, mask = padded([text.ids for text in batch], 0, side="right")  # masked, it may be any id
        mask = paddle.to_tensor(mask)
        return self._model(input_ids=paddle.to_tensor(ids), attention_mask=mask, return_dict=True), mask


def as_texts(inputs: tuple[Any, ...]) -> list[str]:
    """Check what a Taskflow was called with.

    Args:
        inputs: The positional arguments: one text, or one list of texts.

    Returns:
        The texts.

    Raises:
        InputError: There is no text, or one is empty or not a string.
    """
    if len(inputs) != 1:
        raise InputError(f"got {len(inputs)} arguments: give one text, or several as one list.")
    given = [inputs[0]] if isinstance(inputs[0], str) else inputs[0]
    if not isinstance(given, (list, tuple)):
        raise InputError(f"the text is a {type(given).__name__}: give a str, or a list of str.")
    if not given:
        raise InputError("the list of texts is empty: give at least one text.")
    for number, text in enumerate(given):
        if not isinstance(text, str):
            raise InputError(f"text {number} is a {type(text).__name__}: give a str.")
        if not text:
            raise InputError(f"text {number} is empty: give at least one character.")
    return list(given)


def padded(rows: list[list[int]], pad: int, *, side: str) -> tuple[np.ndarray, np.ndarray]:
    """Put rows of different lengths into one array.

    Args:
        rows: Token ids.
        pad: What fills shorter rows.
        side: Where it stands: "left" aligns their ends, as generation needs it, "right" their beginnings.

    Returns:
        The ids and their mask (1 for tokens, 0 for padding), both of shape (rows, longest) and int64.
    """
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        place = slice(longest - len(row), longest) if side == "left" else slice(0, len(row))
        ids[number, place] = row
        mask[number, place] = 1
    return ids, mask
