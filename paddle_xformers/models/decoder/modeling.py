"""The causal decoder: XDecoderModel and XDecoderForCausalLM."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ..._compat import import_paddlenlp
from ...nn.calls import StackCall
from ..backbone import TokenBackbone
from ..generate import CausalGeneration
from ..losses import next_token_loss
from ..outputs import XCausalLMOutput, XModelOutput, as_asked
from ..pretrained import XPretrainedModel, make_lm_head
from .configuration import XDecoderConfig

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XDecoderPretrainedModel(XPretrainedModel):
    """Base of the decoder family."""

    config_class = XDecoderConfig
    base_model_prefix = "xdecoder"
    _tied_weights_keys = ["lm_head.weight"]


@register_base_model
class XDecoderModel(XDecoderPretrainedModel, TokenBackbone):
    """The decoder without a head: token ids to hidden states.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XDecoderConfig) -> None:
        super().__init__(config)
        self.build_backbone(config.stack_options())

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: tuple[Any, ...] | None = None,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        prefix_attn_len: Tensor | int | None = None,
        use_cache: bool | None = None,
        return_mems: bool = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> XModelOutput | tuple[Any, ...]:
        """Run the decoder.

        Args:
            input_ids: Token ids, (b, n); with `past_key_values` only the new ones.
            attention_mask: (b, all), (b, n, all) or (b or 1, heads or 1, n, all), where all counts past and new tokens;
                int or bool: attend where > 0; float: added to the scores. Two axes tell padding, on either side.
            position_ids: Positions of the tokens, (b, n); by default they count the tokens of the mask.
            inputs_embeds: Token embeddings in place of ids, (b, n, emb_dim).
            past_key_values: Cache of a former call.
            mems: Mems of the segment before (needs max_mem_len).
            encoder_hidden_states: What cross attention looks at, (b, m, c).
            encoder_attention_mask: Mask over it, as attention_mask.
            prefix_attn_len: Number of the first tokens that see each other both ways, for all rows or for each, (b)
                (needs prefix_lm); padding does not count, and beside position_ids it is those at positions below it.
                The call without a cache reads the whole prefix; beside a cache the number may be left out.
            use_cache: Return a cache; default config.use_cache.
            return_mems: Return mems for the next segment.
            output_attentions: Return attention weights; default config.output_attentions. Memory tokens are left out.
            output_hidden_states: Return hidden states: before each block, and the last; default
                config.output_hidden_states.
            return_dict: Return an XModelOutput rather than a tuple of its values that are not None; default
                config.return_dict.

        Returns:
            The last hidden state, (b, n, d), and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        call = StackCall(
            attention_mask=attention_mask,
            cache=past_key_values,
            mems=mems,
            context=encoder_hidden_states,
            context_mask=encoder_attention_mask,
            prefix_len=prefix_attn_len,
            use_cache=config.use_cache if use_cache is None else use_cache,
            output_attentions=config.output_attentions if output_attentions is None else output_attentions,
            output_hidden_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            return_mems=return_mems,
        )
        output = self.run(input_ids, inputs_embeds, position_ids, call)
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()


class XDecoderForCausalLM(CausalGeneration, XDecoderPretrainedModel):
    """The decoder with a language model head.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XDecoderConfig) -> None:
        super().__init__(config)
        self.xdecoder = XDecoderModel(config)
        self.lm_head = make_lm_head(self.xdecoder.stack.options)
        self.tie_weights()

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        past_key_values: tuple[Any, ...] | None = None,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        prefix_attn_len: Tensor | int | None = None,
        use_cache: bool | None = None,
        return_mems: bool = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
    ) -> XCausalLMOutput | tuple[Any, ...] | Tensor:
        """Predict the next token at every place.

        Args:
            input_ids: As in `XDecoderModel.forward`, like all that are not named here.
            attention_mask: Likewise.
            position_ids: Likewise.
            inputs_embeds: Likewise.
            labels: Target ids, (b, n), not shifted; -100 is left out of the loss.
            past_key_values: As in `XDecoderModel.forward`.
            mems: Likewise.
            encoder_hidden_states: Likewise.
            encoder_attention_mask: Likewise.
            prefix_attn_len: Likewise.
            use_cache: Likewise.
            return_mems: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.

        Returns:
            An XCausalLMOutput, or a tuple of its values that are not None: the mean loss if there are labels, the
            logits (b, n, v), and what was asked for. A tuple of the logits alone is returned as the bare tensor.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        hidden = self.xdecoder(
            input_ids,
            attention_mask,
            position_ids,
            inputs_embeds,
            past_key_values,
            mems,
            encoder_hidden_states,
            encoder_attention_mask,
            prefix_attn_len,
            use_cache,
            return_mems,
            output_attentions,
            output_hidden_states,
            return_dict=True,
        )
        logits = self.lm_head(hidden.last_hidden_state)  # (b, n, v)
        output = XCausalLMOutput(
            loss=None if labels is None else next_token_loss(logits, labels),
            logits=logits,
            past_key_values=hidden.past_key_values,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
            mems=hidden.mems,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
