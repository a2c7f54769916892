"""The encoder-decoder: XSeq2SeqModel and XSeq2SeqForConditionalGeneration."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ..._compat import import_paddlenlp
from ...nn.dropped_tokens import drop_tokens
from ...nn.lm_head import make_lm_head
from ..conditions import check_parts, for_part
from ..decoder import XDecoderModel
from ..encoder import XEncoderModel
from ..losses import token_loss
from ..outputs import encoder_decoder_lm_output, encoder_decoder_output
from ..pretrained import XPretrainedModel
from .configuration import XSeq2SeqConfig
from .generate import Seq2SeqGeneration
from .source import check_mask, read_source
from .target import shifted_right, start_token
from .vocabulary import Vocabularies

import_paddlenlp()

from paddlenlp.transformers.model_outputs import Seq2SeqLMOutput, Seq2SeqModelOutput  # noqa: E402
from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XSeq2SeqPretrainedModel(Vocabularies, XPretrainedModel):
    """Base of the encoder-decoder family."""

    config_class = XSeq2SeqConfig
    base_model_prefix = "xseq2seq"
    _tied_weights_keys = ["lm_head.weight", "xseq2seq.decoder.embeddings.word_embeddings.weight"]

    def get_encoder(self) -> XEncoderModel:
        """Return the encoder."""
        encoder: XEncoderModel = self.base_model.encoder
        return encoder

    def get_decoder(self) -> XDecoderModel:
        """Return the decoder."""
        decoder: XDecoderModel = self.base_model.decoder
        return decoder


@register_base_model
class XSeq2SeqModel(XSeq2SeqPretrainedModel):
    """Encoder and decoder without a head: source and target ids to hidden states of the target (1706.03762).

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XSeq2SeqConfig) -> None:
        super().__init__(config)
        config.validate()
        self.encoder = XEncoderModel(config.encoder_config())
        self.decoder = XDecoderModel(config.decoder_config())
        self.tie_weights()

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_output: Any = None,
        past_key_values: tuple[Any, ...] | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        encoder_prepend_embeds: Tensor | None = None,
        encoder_prepend_mask: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
    ) -> Seq2SeqModelOutput | tuple[Any, ...]:
        """Run encoder and decoder.

        Args:
            input_ids: Token ids of the source, (b, m).
            attention_mask: Mask over the source, for the encoder and for cross attention: (b, m), (b, m, m) or (b or 1,
                heads or 1, m, m); int or bool: attend where > 0; float: added to the scores. Two axes tell padding, on
                either side. Beside a cache or encoder_output it is needed all the same, if there is padding.
            decoder_input_ids: Token ids of the target, (b, n); with `past_key_values` only the new ones.
            decoder_attention_mask: Mask over past and new tokens of the target, as `XDecoderModel` takes it.
            encoder_output: What the encoder gave before, in place of the source: its hidden states, (b, m, d), a tuple
                that begins with them, or its output object.
            past_key_values: Cache of a former call; it holds what the decoder sees of the source, which is then not
                encoded again.
            inputs_embeds: Token embeddings of the source in place of ids, (b, m, enc_emb_dim).
            decoder_inputs_embeds: Token embeddings of the target in place of ids, (b, n, dec_emb_dim).
            encoder_prepend_embeds: Vectors in front of the source, such as those of an image, (b, p, enc_emb_dim). The
                states of the source then have p places more.
            encoder_prepend_mask: Which of them are no padding, (b, p).
            use_cache: Return a cache; default config.use_cache.
            output_attentions: Return attention weights; default config.output_attentions.
            output_hidden_states: Return hidden states; default config.output_hidden_states.
            return_dict: Return a Seq2SeqModelOutput rather than a tuple of its values that are not None; default
                config.return_dict.
            condition: What adaptive norms and scales of encoder, decoder or both depend on, (b, dim_condition).

        Returns:
            The last hidden state of the target, (b, n, d), what was asked for, and the last hidden state of the source.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        output_attentions = config.output_attentions if output_attentions is None else output_attentions
        output_hidden_states = config.output_hidden_states if output_hidden_states is None else output_hidden_states
        given = {
            "input_ids": input_ids,
            "inputs_embeds": inputs_embeds,
            "prepend_embeds": encoder_prepend_embeds,
            "prepend_mask": encoder_prepend_mask,
        }
        check_parts((self.encoder, self.decoder), condition)
        source = read_source(
            self.encoder,
            given,
            attention_mask,
            encoder_output,
            cached=past_key_values is not None,
            condition=for_part(self.encoder, condition),
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
        )
        if paddle.in_dynamic_mode():
            check_mask(source.mask, past_key_values, self.decoder.stack)
        seen, rate = source.mask, config.cross_attn_tokens_dropout
        if self.training and rate and source.states is not None:
            seen = drop_tokens(source.states, seen, rate)
        target = self.decoder(
            input_ids=decoder_input_ids,
            attention_mask=decoder_attention_mask,
            inputs_embeds=decoder_inputs_embeds,
            past_key_values=past_key_values,
            encoder_hidden_states=source.states,
            encoder_attention_mask=seen,
            condition=for_part(self.decoder, condition),
            use_cache=config.use_cache if use_cache is None else use_cache,
            output_attentions=output_attentions,
            output_hidden_states=output_hidden_states,
            return_dict=True,
        )
        output = encoder_decoder_output(target, source)
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()


class XSeq2SeqForConditionalGeneration(Seq2SeqGeneration, XSeq2SeqPretrainedModel):
    """The encoder-decoder with a language model head, for translation, summaries and the like.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XSeq2SeqConfig) -> None:
        super().__init__(config)
        self.xseq2seq = XSeq2SeqModel(config)
        self.lm_head = make_lm_head(self.xseq2seq.decoder.stack.options)
        self.tie_weights()

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        decoder_input_ids: Tensor | None = None,
        decoder_attention_mask: Tensor | None = None,
        encoder_output: Any = None,
        past_key_values: tuple[Any, ...] | None = None,
        labels: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        decoder_inputs_embeds: Tensor | None = None,
        encoder_prepend_embeds: Tensor | None = None,
        encoder_prepend_mask: Tensor | None = None,
        use_cache: bool | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
    ) -> Seq2SeqLMOutput | tuple[Any, ...]:
        """Predict every token of the target from the source and the tokens before it.

        Args:
            input_ids: As in `XSeq2SeqModel.forward`, like all that are not named here.
            attention_mask: Likewise.
            decoder_input_ids: Likewise. Without them they are the labels, shifted right by decoder_start_token_id.
            decoder_attention_mask: Likewise.
            encoder_output: Likewise.
            past_key_values: Likewise.
            labels: The target, (b, n): the token that each place shall predict; ignore_index is left out of the loss.
            inputs_embeds: As in `XSeq2SeqModel.forward`.
            decoder_inputs_embeds: Likewise.
            encoder_prepend_embeds: Likewise.
            encoder_prepend_mask: Likewise.
            use_cache: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.

        Returns:
            A Seq2SeqLMOutput, or a tuple of its values that are not None: the mean loss if there are labels, the logits
            (b, n, v), and what was asked for. Last in the tuple is the last hidden state of the source, but not where
            there are labels: PaddleNLP's Trainer would collect it.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        if labels is not None and decoder_input_ids is None and decoder_inputs_embeds is None:
            decoder_input_ids = shifted_right(
                labels, start_token(config), config.pad_token_id or 0, config.ignore_index
            )
        hidden = self.xseq2seq(
            input_ids,
            attention_mask,
            decoder_input_ids,
            decoder_attention_mask,
            encoder_output,
            past_key_values,
            inputs_embeds,
            decoder_inputs_embeds,
            encoder_prepend_embeds,
            encoder_prepend_mask,
            use_cache,
            output_attentions,
            output_hidden_states,
            return_dict=True,
            condition=condition,
        )
        logits = self.lm_head(hidden.last_hidden_state)  # (b, n, v)
        loss = None if labels is None else token_loss(logits, labels, config.ignore_index)
        return_dict = config.return_dict if return_dict is None else return_dict
        return encoder_decoder_lm_output(hidden, logits, loss, return_dict)
