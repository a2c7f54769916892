"""`Taskflow("text_generation", model=..., task_path=folder)`: continues texts with a causal model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paddle_xformers._compat import import_paddle
from paddle_xformers.errors import InputError
from paddle_xformers.serving.generation import GenerationTask
from paddle_xformers.serving.texts import Text, TextTask, padded

paddle = import_paddle()


class TextGenerationTask(GenerationTask, TextTask):
    """Continues texts with a model and a tokenizer from one local folder; see `LocalTask` for its arguments.

    Answers are those of `model.generate` and `tokenizer.decode`. The keywords of a call are what `generate` takes
    (max_new_tokens, decode_strategy, temperature, top_k, top_p, num_beams, num_return_sequences, ...) and `batch_size`,
    the number of texts computed together. For those not given holds what Taskflow was made with, then the folder's
    generation_config.json.

    A call returns one `{"text": text, "answer": continuation}` a text, in their order; with num_return_sequences=n,
    n of them a text. An answer holds neither the text nor special tokens.
    """

    usage = """
    from paddlenlp import Taskflow

    complete = Taskflow("text_generation", model="xdecoder", task_path="my_model", max_new_tokens=64)
    complete("import ")
    # [{"text": "import ", "answer": "os\\n"}]
    complete(["import ", "def "], decode_strategy="sampling", top_p=0.9, temperature=0.8)
    # [{"text": "import ", "answer": ...}, {"text": "def ", "answer": ...}]
"""

    def _check_length(self, number: int, length: int, settings: Mapping[str, Any]) -> None:
        """Refuse a text that leaves no room for its continuation."""
        new, limit = settings["max_new_tokens"], self._longest()
        if limit and length + new > limit:
            room = limit - length
            way = f" or lower max_new_tokens to at most {room}" if room > 0 else ""
            raise InputError(
                f"text {number} has {length} tokens and max_new_tokens={new}, together {length + new}, "
                f"more than the model's {self.length_field}={limit}: shorten the text{way}."
            )

    def _compute(self, batch: list[Text], settings: Mapping[str, Any]) -> list[list[list[int]]]:
        ids, mask = padded([text.ids for text in batch], settings.get("pad_token_id") or 0, side="left")
        return self._generate(len(batch), settings, paddle.to_tensor(ids), attention_mask=paddle.to_tensor(mask))

    def _postprocess(
        self, items: list[Text], outcomes: list[list[list[int]]], settings: Mapping[str, Any]
    ) -> list[dict[str, str]]:
        return [
            {"text": item.text, "answer": self._decoded(ids)}
            for item, answers in zip(items, outcomes, strict=True)
            for ids in answers
        ]
