"""Descriptions of images: XCaptionModel and XCaptionForConditionalGeneration."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn

from ..._compat import import_paddlenlp
from ...nn.lm_head import make_lm_head
from ..conditions import check_parts, for_part
from ..decoder import XDecoderModel
from ..losses import IGNORED, token_loss
from ..outputs import encoder_decoder_lm_output, encoder_decoder_output
from ..pretrained import XPretrainedModel
from ..seq2seq.target import shifted_right, start_token
from ..seq2seq.vocabulary import Vocabularies
from ..vit import XViTModel
from .configuration import XCaptionConfig
from .generate import CaptionGeneration
from .source import read_image

import_paddlenlp()

from paddlenlp.transformers.model_outputs import Seq2SeqLMOutput, Seq2SeqModelOutput  # noqa: E402
from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XCaptionPretrainedModel(Vocabularies, XPretrainedModel):
    """Base of the family that describes images."""

    config_class = XCaptionConfig
    base_model_prefix = "xcaption"
    main_input_name = "pixel_values"
    _tied_weights_keys = ["lm_head.weight"]

    def get_encoder(self) -> XViTModel:
        """Return the image encoder."""
        encoder: XViTModel = self.base_model.encoder
        return encoder

    def get_decoder(self) -> XDecoderModel:
        """Return the decoder."""
        decoder: XDecoderModel = self.base_model.decoder
        return decoder

    def get_input_embeddings(self) -> nn.Embedding:
        """Return the token embedding, which is the decoder's."""
        return self.base_model.decoder.get_input_embeddings()

    def set_input_embeddings(self, value: nn.Embedding) -> None:
        """Replace the token embedding."""
        self.base_model.decoder.set_input_embeddings(value)
        self.tie_weights()

    def tie_weights(self) -> None:
        """Make the token embedding and the output head one parameter, if the configuration says so."""
        if self.config.dec_tie_word_embeddings and self is not self.base_model:
            self.lm_head.weight = self.get_input_embeddings().weight

    def resize_token_embeddings(self, new_num_tokens: int | None = None, part: str | None = None) -> nn.Embedding:
        """Change the size of the vocabulary; the output head follows.

        Args:
            new_num_tokens: The new size; None changes nothing.
            part: None or "decoder": the image encoder has no vocabulary.

        Returns:
            The token embedding. New rows have fresh initial values, rows that stay are unchanged.

        Raises:
            InputError: If the size is not a positive number.
        """
        self._resize("decoder", new_num_tokens)
        self.tie_weights()
        return self.get_input_embeddings()

    def resize_images(self, image_size: int | tuple[int, int]) -> None:
        """Make the model one for images of another size: the positions of patches are interpolated (bicubic).

        Args:
            image_size: Height and width in pixels: one number for a square, or (height, width).

        Raises:
            ConfigError: If `enc_patch_size` does not divide the size.
        """
        self.get_encoder().resize_images(image_size)
        self.config.enc_image_size = image_size


@register_base_model
class XCaptionModel(XCaptionPretrainedModel):
    """Image encoder and decoder without a head: pixels and token ids to hidden states of the tokens (2101.10804).

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XCaptionConfig) -> None:
        super().__init__(config)
        config.validate()
        self.encoder = XViTModel(config.encoder_config())
        self.decoder = XDecoderModel(config.decoder_config())

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        pixel_values: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_output: Any = None,
        past_key_values: tuple[Any, ...] | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
    ) -> Seq2SeqModelOutput | tuple[Any, ...]:
        """Run image encoder and decoder.

        Args:
            pixel_values: Images, (b, c, h, w), floating point.
            decoder_input_ids: Token ids of the captions, (b, n); with `past_key_values` only the new ones.
            decoder_attention_mask: Mask over past and new tokens, as `XDecoderModel` takes it.
            encoder_output: What the image encoder gave before, in place of the images: its hidden states, (b, m, d), a
                tuple that begins with them, or its output object.
            past_key_values: Cache of a former call; it holds what the decoder sees of the images, which are then not
                encoded again.
            decoder_inputs_embeds: Token embeddings in place of ids, (b, n, dec_emb_dim).
            interpolate_pos_encoding: Take images of another size than config.enc_image_size.
            use_cache: Return a cache; default config.use_cache.
            output_attentions: Return attention weights; default config.output_attentions.
            output_hidden_states: Return hidden states; default config.output_hidden_states.
            return_dict: Return a Seq2SeqModelOutput rather than a tuple of its values that are not None; default
                config.return_dict.
            condition: What adaptive norms and scales of encoder, decoder or both depend on, (b, dim_condition).

        Returns:
            The last hidden state of the tokens, (b, n, d), what was asked for, and that of the images, (b, m, d).

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        wanted = {
            "output_attentions": config.output_attentions if output_attentions is None else output_attentions,
            "output_hidden_states": config.output_hidden_states
            if output_hidden_states is None
            else output_hidden_states,
        }
        check_parts((self.encoder, self.decoder), condition)
        image = read_image(
            self.encoder,
            pixel_values,
            encoder_output,
            cached=past_key_values is not None,
            condition=for_part(self.encoder, condition),
            interpolate_pos_encoding=interpolate_pos_encoding,
            **wanted,
        )
        caption = self.decoder(
            input_ids=decoder_input_ids,
            attention_mask=decoder_attention_mask,
            inputs_embeds=decoder_inputs_embeds,
            past_key_values=past_key_values,
            encoder_hidden_states=image.states,
            condition=for_part(self.decoder, condition),
            use_cache=config.use_cache if use_cache is None else use_cache,
            return_dict=True,
            **wanted,
        )
        output = encoder_decoder_output(caption, image)
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()


class XCaptionForConditionalGeneration(CaptionGeneration, XCaptionPretrainedModel):
    """Image encoder and decoder with a language model head: it describes images.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XCaptionConfig) -> None:
        super().__init__(config)
        self.xcaption = XCaptionModel(config)
        self.lm_head = make_lm_head(self.xcaption.decoder.stack.options)
        self.tie_weights()

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        pixel_values: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_output: Any = None,
        past_key_values: tuple[Any, ...] | None = None,
        labels: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        interpolate_pos_encoding: bool = False,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
    ) -> Seq2SeqLMOutput | tuple[Any, ...]:
        """Predict every token of the captions from the image and the tokens before it.

        Args:
            pixel_values: As in `XCaptionModel.forward`, like all that are not named here.
            decoder_input_ids: Likewise. Without them they are the labels, shifted right by decoder_start_token_id.
            decoder_attention_mask: Likewise.
            encoder_output: Likewise.
            past_key_values: Likewise.
            labels: The captions, (b, n): the token that each place shall predict; -100 is left out of the loss.
            decoder_inputs_embeds: As in `XCaptionModel.forward`.
            interpolate_pos_encoding: Likewise.
            use_cache: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.

        Returns:
            A Seq2SeqLMOutput, or a tuple of its values that are not None: the mean loss if there are labels, the logits
            (b, n, v), and what was asked for. Last in the tuple is the last hidden state of the images, but not where
            there are labels: PaddleNLP's Trainer would collect it.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = shifted_right(labels, start_token(config), config.pad_token_id or 0, IGNORED)
        hidden = self.xcaption(
            pixel_values,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_output,
            past_key_values,
            decoder_inputs_embeds,
            interpolate_pos_encoding,
            use_cache,
            output_attentions,
            output_hidden_states,
            return_dict=True,
            condition=condition,
        )
        logits = self.lm_head(hidden.last_hidden_state)  # (b, n, v)
        loss = None if labels is None else token_loss(logits, labels)
        return_dict = config.return_dict if return_dict is None else return_dict
        return encoder_decoder_lm_output(hidden, logits, loss, return_dict)
