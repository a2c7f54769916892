"""`Taskflow("image_to_text", model=..., task_path=folder)`: descriptions of images."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from paddle_xformers.serving.folders import load_tokenizer
from paddle_xformers.serving.generation import GenerationTask
from paddle_xformers.serving.generation_settings import GENERATION, TARGET
from paddle_xformers.serving.images import ImageTask
from paddle_xformers.serving.settings import Settings


class ImageToTextTask(GenerationTask, ImageTask):
    """Describes images; see `LocalTask` for its arguments.

    The folder holds a tokenizer and an image processor. The keywords of a call are what `generate` takes, as in
    `TextGenerationTask`, `decoder_start_token_id`, and those of `ImageTask`. A call returns one
    `{"answer": description}` an image, in their order; with num_return_sequences=n, n of them an image.
    """

    answer_vocabulary = "dec_num_tokens"
    generation: ClassVar[Settings] = {**GENERATION, **TARGET}
    settings: ClassVar[Settings] = {**TARGET, **GenerationTask.settings, **ImageTask.settings}
    usage = """
    from paddlenlp import Taskflow

    describe = Taskflow("image_to_text", model="xcaption", task_path="my_model", max_new_tokens=32)
    describe("photo.png")
    # [{"answer": "a cat"}]
    describe(["photo.png", pil_image, array], decode_strategy="beam_search", num_beams=4)
"""

    def _construct_tokenizer(self, model: str) -> None:
        super()._construct_tokenizer(model)
        self._tokenizer = load_tokenizer(self._task_path)

    def _compute(self, batch: list[tuple[int, Any]], settings: Mapping[str, Any]) -> list[list[list[int]]]:
        return self._generate(len(batch), settings, pixel_values=self._pixels(batch, settings))

    def _postprocess(
        self, items: list[Any], outcomes: list[list[list[int]]], settings: Mapping[str, Any]
    ) -> list[dict[str, str]]:
        return [{"answer": self._decoded(ids)} for answers in outcomes for ids in answers]
