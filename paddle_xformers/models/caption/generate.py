"""Generation of captions: the image is encoded once, then the caption grows."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ...errors import InputError
from ..conditions import for_part
from ..seq2seq.generate import Seq2SeqGeneration
from .source import read_image


class CaptionGeneration(Seq2SeqGeneration):
    """Generation from images; mixed in before PaddleNLP's PretrainedModel."""

    arguments_of_generate = ("decoder_input_ids", "pixel_values", "interpolate_pos_encoding")

    def _encoded(self, input_ids: Tensor | None, generation_config: Any, kwargs: dict[str, Any]) -> Tensor:
        """States of the image, (b, n, d)."""
        if input_ids is not None:
            raise InputError(
                "generate() describes images: give pixel_values, and decoder_input_ids for what captions begin with"
            )
        if kwargs.get("attention_mask") is not None:
            raise InputError("attention_mask has no effect: images have no padding; leave it out")
        pixels, encoded = kwargs.pop("pixel_values", None), kwargs.pop("encoder_output", None)
        other_sizes = kwargs.pop("interpolate_pos_encoding", False)
        with paddle.no_grad():
            encoder = self.base_model.encoder
            condition = for_part(encoder, kwargs.get("condition"))
            source = read_image(
                encoder, pixels, encoded, cached=False, interpolate_pos_encoding=other_sizes, condition=condition
            )
        states: Any = source.states
        return states

    @paddle.jit.not_to_static
    def prepare_inputs_for_generation(self, input_ids: Tensor, **kwargs: Any) -> dict[str, Any]:
        """Return the arguments of one step; see `Seq2SeqGeneration.prepare_inputs_for_generation`.

        Args:
            input_ids: The caption so far, (b, n).
            **kwargs: Further arguments of generate().
        """
        given = super().prepare_inputs_for_generation(input_ids, **kwargs)
        del given["attention_mask"]
        return given
