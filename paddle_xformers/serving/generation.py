"""What the tasks that generate share: their keywords, and the call of generate()."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from paddle_xformers.errors import CheckpointError, InputError
from paddle_xformers.serving.generation_settings import GENERATION, check_tokens, defaults_of, settled
from paddle_xformers.serving.settings import Settings, check_values
from paddle_xformers.serving.task import LocalTask


class GenerationTask(LocalTask):
    """A task whose answers are written by `model.generate`; see `LocalTask` for its arguments.

    The keywords of a call are those of generate(); defaults stand in the folder's generation_config.json.
    """

    # Field of the model that holds the size of the vocabulary it answers in.
    answer_vocabulary: ClassVar[str] = "num_tokens"
    # What generate() is given of the keywords.
    generation: ClassVar[Settings] = GENERATION
    settings: ClassVar[Settings] = {**GENERATION, **LocalTask.settings}

    _tokenizer: Any

    def _initial_defaults(self) -> dict[str, Any]:
        saved = defaults_of(self._model.generation_config, self.generation)
        try:
            check_values(saved, self.generation, self.task)
        except InputError as error:
            raise CheckpointError(f"generation_config.json in {self._task_path} is damaged: {error}") from error
        pad = self._tokenizer.pad_token_id
        return {**super()._initial_defaults(), **({} if pad is None else {"pad_token_id": pad}), **saved}

    def _merged(self, given: Mapping[str, Any]) -> dict[str, Any]:
        merged = settled(super()._merged(given), given, self.settings)
        # Rows that end before others of their batch go on with padding, which the model reads.
        pad = {"pad_token_id": merged.get("pad_token_id")}
        check_tokens({**pad, **given}, getattr(self._model.config, self.answer_vocabulary), self.answer_vocabulary)
        return merged

    def _generate(self, count: int, settings: Mapping[str, Any], *source: Any, **tensors: Any) -> list[list[list[int]]]:
        """Generate from a batch of so many items; return the token ids of the answers to each."""
        options = {name: value for name, value in settings.items() if name in self.generation}
        generated, _ = self._model.generate(
            *source,
            **tensors,
            max_length=0,  # the older name of max_new_tokens; one in the folder would replace a given 20
            **options,
        )
        rows: list[list[int]] = generated.tolist()
        each = len(rows) // count
        return [rows[start : start + each] for start in range(0, len(rows), each)]

    def _decoded(self, ids: list[int]) -> str:
        """The text of an answer, without special tokens."""
        text: str = self._tokenizer.decode(ids, skip_special_tokens=True)
        return text
