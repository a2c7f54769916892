"""The causal decoder: XDecoderModel and XDecoderForCausalLM."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor

from ..._compat import import_paddlenlp
from ...errors import InputError
from ...nn.calls import StackCall
from ..backbone import TokenBackbone
from ..extras import taken, told_to_embedder
from ..generate import CausalGeneration
from ..losses import IGNORED
from ..outputs import XCausalLMOutput, XModelOutput, as_asked
from ..packing import segments_of
from ..prefix import make_prefix
from ..pretrained import XPretrainedModel
from .configuration import XDecoderConfig
from .heads import DecoderHeads
from .rounds import DecoderExtras, DecoderRounds, rounds_asked_for

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XDecoderPretrainedModel(XPretrainedModel):
    """Base of the decoder family."""

    config_class = XDecoderConfig
    base_model_prefix = "xdecoder"
    _tied_weights_keys = ["lm_head.weight"]


@register_base_model
class XDecoderModel(XDecoderPretrainedModel, DecoderRounds, TokenBackbone):
    """The decoder without a head: token ids to hidden states.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XDecoderConfig) -> None:
        super().__init__(config)
        options = config.stack_options()
        self.build_backbone(options)
        self.build_rounds(options)

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
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        excise_prepend_embeds: bool = True,
        embed_ids: Tensor | Mapping[str, Tensor] | None = None,
        **extras: Unpack[DecoderExtras],
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
            condition: What adaptive norms and scales depend on, (b, dim_condition), or (b, n, dim_condition) for each
                of the tokens; needed where the configuration has such parts.
            sum_embeds: Added to the embeddings, with their positions, (b, n, emb_dim).
            prepend_embeds: Vectors in front of the tokens, such as those of an image, (b, p, emb_dim); with
                `past_key_values` the cache holds them. They get no positions added, and masks do not cover them.
            prepend_mask: Which of them are no padding, (b, p), int or bool; None: all.
            excise_prepend_embeds: Leave them out of what is returned; False: they stand in front of the tokens there.
            embed_ids: Further ids of each token (needs embed_num_tokens): (b, n) by name, or (b, n, k) in the
                alphabetical order of the names; by default all are 0.
            **extras: recycle_steps and looped_steps, and further arguments about single layers; see `DecoderExtras`.

        Returns:
            The last hidden state, (b, n, d), and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config, told, asked = self.config, told_to_embedder(extras), rounds_asked_for(extras)
        call = StackCall(
            condition=condition,
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
            **taken(extras),
        )
        call = self.with_rounds(call, asked)
        width = self.embeddings_width
        prefix = make_prefix(prepend_embeds, prepend_mask, attention_mask, width, cache=past_key_values)
        output = self.run(
            input_ids,
            inputs_embeds,
            position_ids,
            call,
            prefix,
            sum_embeds=sum_embeds,
            embed_ids=embed_ids,
            excise=excise_prepend_embeds,
            **told,
        )
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()


class XDecoderForCausalLM(CausalGeneration, DecoderHeads, XDecoderPretrainedModel):
    """The decoder with a language model head, or several (see `DecoderOptions` for the fields of its heads).

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XDecoderConfig) -> None:
        super().__init__(config)
        self.xdecoder = XDecoderModel(config)
        self.build_heads()
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
        return_logit_entropies: bool = False,
        return_next_embed_pred: bool = False,
        looped_pred_all_logits: bool = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        excise_prepend_embeds: bool = True,
        embed_ids: Tensor | Mapping[str, Tensor] | None = None,
        **extras: Unpack[DecoderExtras],
    ) -> XCausalLMOutput | tuple[Any, ...] | Tensor:
        """Predict the next token at every place.

        Args:
            input_ids: As in `XDecoderModel.forward`, like all that are not named here.
            attention_mask: Likewise.
            position_ids: Likewise.
            inputs_embeds: Likewise.
            labels: Target ids, (b, n), not shifted; -100 is left out of the loss. For several output heads also (b, n,
                heads); with squeeze_out_last_dim numbers of the same places, nan (or -100 of integers) where there is
                none.
            past_key_values: As in `XDecoderModel.forward`.
            mems: Likewise.
            encoder_hidden_states: Likewise.
            encoder_attention_mask: Likewise.
            prefix_attn_len: Likewise.
            use_cache: Likewise.
            return_mems: Likewise.
            return_logit_entropies: Return the entropy of what is predicted at each place.
            return_next_embed_pred: Return the predicted embeddings (needs add_continuous_pred_head).
            looped_pred_all_logits: Return the logits after each loop, and those of the exit gate (needs looped).
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.
            sum_embeds: Likewise.
            prepend_embeds: Likewise.
            prepend_mask: Likewise.
            excise_prepend_embeds: Likewise.
            embed_ids: Likewise.
            **extras: Likewise.

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
            condition=condition,
            sum_embeds=sum_embeds,
            embed_ids=embed_ids,
            prepend_embeds=prepend_embeds,
            prepend_mask=prepend_mask,
            excise_prepend_embeds=excise_prepend_embeds,
            **extras,
        )
        packed = extras.get("flash_pack_seq_kwargs")
        if labels is not None and packed is not None:
            if self.next_embed_head is not None or labels.is_floating_point():
                raise InputError(
                    "labels beside flash_pack_seq_kwargs are token ids alone: with add_continuous_pred_head=True or "
                    "squeeze_out_last_dim=True pass a padded batch"
                )
            own = segments_of(packed, "flash_pack_seq_kwargs", "q", labels.shape[1])
            labels = own.without_first(labels, IGNORED)
        found = self.heads_output(
            hidden,
            labels,
            entropies=return_logit_entropies,
            next_embedding=return_next_embed_pred,
            loops=looped_pred_all_logits,
            input_ids=input_ids,
            inputs_embeds=inputs_embeds,
            attention_mask=attention_mask,
            position_ids=position_ids,
            past_key_values=past_key_values,
            sum_embeds=sum_embeds,
            embed_ids=embed_ids,
            told=extras.get("token_emb_kwargs"),
            prepend_embeds=None if excise_prepend_embeds else prepend_embeds,
        )
        output = XCausalLMOutput(
            **found,
            past_key_values=hidden.past_key_values,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
            mems=hidden.mems,
            intermediates=hidden.intermediates,
            memory_states=hidden.memory_states,
            gumbel_log_probs=hidden.gumbel_log_probs,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
