"""`Taskflow("text2text_generation", model=..., task_path=folder)`: turns a source into a target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from paddle_xformers.serving.generation_settings import GENERATION, TARGET
from paddle_xformers.serving.settings import Settings
from paddle_xformers.serving.text_generation import TextGenerationTask
from paddle_xformers.serving.texts import TextTask


class Text2TextGenerationTask(TextGenerationTask):
    """Writes a target for each source, with an encoder-decoder; see `LocalTask` for its arguments.

    Keywords and answers are those of `TextGenerationTask`, and `decoder_start_token_id`. A source may be as long as
    enc_max_seq_len, a target one token shorter than dec_max_seq_len.
    """

    vocabulary_field = "enc_num_tokens"
    answer_vocabulary = "dec_num_tokens"
    length_field = "enc_max_seq_len"
    generation: ClassVar[Settings] = {**GENERATION, **TARGET}
    settings: ClassVar[Settings] = {**TARGET, **TextGenerationTask.settings}
    usage = """
    from paddlenlp import Taskflow

    translate = Taskflow("text2text_generation", model="xseq2seq", task_path="my_model", max_new_tokens=64)
    translate("good morning")
    # [{"text": "good morning", "answer": ...}]
    translate(["good morning", "good night"], decode_strategy="beam_search", num_beams=4)
"""

    def _check_length(self, number: int, length: int, settings: Mapping[str, Any]) -> None:
        TextTask._check_length(self, number, length, settings)  # the target has a length of its own
