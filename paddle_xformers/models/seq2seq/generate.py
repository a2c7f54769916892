"""Generation by an encoder-decoder: the source is encoded once, then the target grows."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ...errors import InputError
from ..conditions import for_part
from ..generate import Generation
from ..prompts import check_ids, check_room
from ..steps import grown_mask, mask_of_last_token
from .source import read_source
from .target import start_token

# Arguments of generate() that the encoder reads, by their names there.
_READ_BY_THE_ENCODER = {
    "inputs_embeds": "inputs_embeds",
    "encoder_prepend_embeds": "prepend_embeds",
    "encoder_prepend_mask": "prepend_mask",
}


class Seq2SeqGeneration(Generation):
    """Generation for encoder-decoders; mixed in before PaddleNLP's PretrainedModel."""

    rows_of_generate = ("attention_mask", "encoder_output", "decoder_attention_mask", "condition")
    arguments_of_generate = ("decoder_input_ids", *_READ_BY_THE_ENCODER)

    def prepare_prompt(self, input_ids: Tensor | None, generation_config: Any, kwargs: dict[str, Any]) -> Tensor:
        """Encode the source, and return what the target begins with; see `Generation.prepare_prompt`."""
        states = self._encoded(input_ids, generation_config, kwargs)
        prompt = kwargs.get("decoder_input_ids")
        if prompt is None:
            given = kwargs.get("decoder_start_token_id", generation_config.decoder_start_token_id)
            prompt = paddle.full([states.shape[0], 1], start_token(self.config, given), dtype="int64")
        check_ids("decoder_input_ids", prompt, self.config.dec_num_tokens, "dec_num_tokens")
        if prompt.shape[0] != states.shape[0]:
            raise InputError(
                f"decoder_input_ids has {prompt.shape[0]} rows, but the source has {states.shape[0]}; give as many"
            )
        check_room(prompt.shape[1], generation_config, kwargs, self.config.dec_max_seq_len, "dec_max_seq_len")
        kwargs["encoder_output"] = states
        kwargs["decoder_input_ids"] = prompt
        return prompt

    def _encoded(self, input_ids: Tensor | None, generation_config: Any, kwargs: dict[str, Any]) -> Tensor:
        """States of the source, (b, m, d); its mask is left in the keywords."""
        given = {name: kwargs.pop(argument, None) for argument, name in _READ_BY_THE_ENCODER.items()}
        given["input_ids"] = input_ids
        mask = kwargs.get("attention_mask")
        if input_ids is not None:
            check_ids("input_ids", input_ids, self.config.enc_num_tokens, "enc_num_tokens")
            if mask is None:
                pad, end = (
                    kwargs.get(name, getattr(generation_config, name)) for name in ("pad_token_id", "eos_token_id")
                )
                mask = self.prepare_attention_mask_for_generation(input_ids, pad, end)
        with paddle.no_grad():
            encoder, condition = self.base_model.encoder, kwargs.get("condition")
            encoded = kwargs.pop("encoder_output", None)
            condition = for_part(encoder, condition)
            source = read_source(encoder, given, mask, encoded, cached=False, condition=condition)
        states: Any = source.states
        kwargs["attention_mask"] = paddle.ones(states.shape[:2], "int64") if source.mask is None else source.mask
        return states

    def generating_stack(self) -> Any:
        """Return the stack whose cache grows."""
        return self.base_model.decoder.stack

    @paddle.jit.not_to_static
    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: tuple[Any, ...] | None = None,
        attention_mask: Tensor | None = None,
        encoder_output: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        condition: Tensor | None = None,
        keep_cache: bool = True,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the arguments of one step: the whole target so far, or only its last token with a cache.

        Args:
            input_ids: The target so far, (b, n).
            past_key_values: The cache, from the second step on.
            attention_mask: Mask over the source.
            encoder_output: States of the source, (b, m, d).
            decoder_attention_mask: Mask over the target so far.
            condition: What adaptive norms and scales depend on, (b, c).
            keep_cache: Whether to keep a cache: what the caller's `use_cache` said, which PaddleNLP's loops do not
                pass on.
            **kwargs: Further arguments of generate(), not needed here.
        """
        if past_key_values is not None:
            input_ids = input_ids[:, -1:]
            decoder_attention_mask = mask_of_last_token(decoder_attention_mask)
        return {
            "decoder_input_ids": input_ids,
            "attention_mask": attention_mask,
            "encoder_output": encoder_output,
            "decoder_attention_mask": decoder_attention_mask,
            "condition": condition,
            "past_key_values": past_key_values,
            "use_cache": keep_cache,
            "return_dict": True,
        }

    @paddle.jit.not_to_static
    def update_model_kwargs_for_generation(
        self, outputs: Any, model_kwargs: dict[str, Any], is_encoder_decoder: bool = True
    ) -> dict[str, Any]:
        """Carry cache and mask over to the next step.

        Args:
            outputs: What the model gave back.
            model_kwargs: Arguments of this step, changed in place.
            is_encoder_decoder: Always so here.
        """
        self.carry_cache(outputs, model_kwargs)
        if model_kwargs.get("decoder_attention_mask") is not None:
            model_kwargs["decoder_attention_mask"] = grown_mask(model_kwargs["decoder_attention_mask"])
        return model_kwargs
