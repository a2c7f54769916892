"""Several streams of tokens: XMultiInputModel and XMultiInputForCausalLM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import paddle
from paddle import Tensor, nn

from ..._compat import import_paddlenlp
from ...errors import InputError
from ...nn.calls import StackCall
from ...nn.lm_head import LMHead
from ...nn.stream_embeddings import StreamEmbeddings
from ..backbone import Backbone
from ..extras import Extras, check_returned, taken
from ..inputs import check_added
from ..losses import next_token_loss
from ..outputs import XModelOutput, XMultiInputLMOutput, as_asked
from ..prefix import make_prefix, tokens_of
from ..pretrained import XPretrainedModel
from .configuration import XMultiInputConfig
from .generate import StreamGeneration
from .inputs import Streams, check_streams, stacked

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XMultiInputPretrainedModel(XPretrainedModel):
    """Base of the family with several streams of tokens."""

    config_class = XMultiInputConfig
    base_model_prefix = "xmultiinput"

    def get_input_embeddings(self) -> Any:
        """Refuse: there is one token embedding a stream.

        Raises:
            InputError: Always.
        """
        raise InputError(
            f"{type(self).__name__} has a token embedding for each stream; take base_model.embeddings.tables, or set "
            "stream_num_tokens before the model is built"
        )


@register_base_model
class XMultiInputModel(XMultiInputPretrainedModel, Backbone):
    """The decoder without heads: an id of each stream at each place, to hidden states.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XMultiInputConfig) -> None:
        super().__init__(config)
        options = config.stack_options()
        self.embeddings = StreamEmbeddings(options, config.emb_dim or config.dim)
        self.build_body(options)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Streams | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        past_key_values: tuple[Any, ...] | None = None,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
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
        **extras: Unpack[Extras],
    ) -> XModelOutput | tuple[Any, ...]:
        """Run the decoder.

        Args:
            input_ids: Token ids: a mapping from the names of the streams to (b, n), or (b, n, s) in the order of
                `stream_names`; with `past_key_values` only the new ones.
            attention_mask: (b, all), (b, n, all) or (b or 1, heads or 1, n, all), where all counts past and new tokens;
                int or bool: attend where > 0; float: added to the scores. Two axes tell padding, on either side.
            position_ids: Positions of the tokens, (b, n); by default they count the tokens of the mask.
            inputs_embeds: Sums of token embeddings in place of ids, (b, n, emb_dim): what `embeddings.look_up` gives.
            past_key_values: Cache of a former call.
            mems: Mems of the segment before (needs max_mem_len).
            encoder_hidden_states: What cross attention looks at, (b, m, c).
            encoder_attention_mask: Mask over it, as attention_mask.
            use_cache: Return a cache; default config.use_cache.
            return_mems: Return mems for the next segment.
            output_attentions: Return attention weights; default config.output_attentions. Memory tokens are left out.
            output_hidden_states: Return hidden states: before each block, and the last; default
                config.output_hidden_states.
            return_dict: Return an XModelOutput rather than a tuple of its values that are not None; default
                config.return_dict.
            condition: What adaptive norms and scales depend on, (b, dim_condition), or (b, n, dim_condition) for each
                of the places; needed where the configuration has such parts.
            sum_embeds: Added to the embeddings, with their positions, (b, n, emb_dim).
            prepend_embeds: Vectors in front of the tokens, such as those of an image, (b, p, emb_dim); with
                `past_key_values` the cache holds them. They get no positions added, and masks do not cover them.
            prepend_mask: Which of them are no padding, (b, p), int or bool; None: all.
            excise_prepend_embeds: Leave them out of what is returned; False: they stand in front of the tokens there.
            **extras: Further arguments; see `paddle_xformers.models.extras.Extras`.

        Returns:
            The last hidden state, (b, n, d), and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        call = StackCall(
            condition=condition,
            attention_mask=attention_mask,
            cache=past_key_values,
            mems=mems,
            context=encoder_hidden_states,
            context_mask=encoder_attention_mask,
            use_cache=config.use_cache if use_cache is None else use_cache,
            output_attentions=config.output_attentions if output_attentions is None else output_attentions,
            output_hidden_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            return_mems=return_mems,
            **taken(extras),
        )
        ids = stacked("input_ids", input_ids, config.stream_names)  # (b, n, s)
        width = self.embeddings_width
        size = check_streams(ids, inputs_embeds, width)
        if paddle.in_dynamic_mode():  # a graph that is traced leaves sizes open
            check_added(width, sum_embeds, *size)
        output = self.run_body(
            lambda positions, **around: self.embeddings(ids, positions, inputs_embeds, **around),
            size,
            position_ids,
            call,
            make_prefix(prepend_embeds, prepend_mask, attention_mask, width, cache=past_key_values),
            sum_embeds=sum_embeds,
            excise=excise_prepend_embeds,
        )
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()


class XMultiInputForCausalLM(StreamGeneration, XMultiInputPretrainedModel):
    """The decoder with a language model head for each stream.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XMultiInputConfig) -> None:
        super().__init__(config)
        self.xmultiinput = XMultiInputModel(config)
        sizes = zip(config.stream_names, config.stream_num_tokens, strict=True)
        # Names get an ending: alone they could be those of methods.
        self.lm_heads = nn.LayerDict({f"{name}_head": LMHead(config.dim, size) for name, size in sizes})

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Streams | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Streams | None = None,
        past_key_values: tuple[Any, ...] | None = None,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
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
        **extras: Unpack[Extras],
    ) -> XMultiInputLMOutput | tuple[Any, ...] | dict[str, Tensor]:
        """Predict the next token of each stream at every place.

        Args:
            input_ids: As in `XMultiInputModel.forward`, like all that are not named here.
            attention_mask: Likewise.
            position_ids: Likewise.
            inputs_embeds: Likewise.
            labels: Target ids in either form of input_ids, not shifted; -100 is left out of the loss.
            past_key_values: As in `XMultiInputModel.forward`.
            mems: Likewise.
            encoder_hidden_states: Likewise.
            encoder_attention_mask: Likewise.
            use_cache: Likewise.
            return_mems: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.
            sum_embeds: Likewise.
            prepend_embeds: Likewise.
            prepend_mask: Likewise.
            excise_prepend_embeds: Likewise.
            **extras: Further arguments; see `paddle_xformers.models.extras.Extras`.

        Returns:
            An XMultiInputLMOutput, or a tuple of its values that are not None: the loss if there are labels (the sum
            of the mean losses of the streams), the logits of each stream by its name, (b, n, v), and what was asked
            for. A tuple of the logits alone is returned as the bare mapping.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        check_returned(type(self).__name__, extras, ("return_gumbel_log_probs",))
        hidden = self.xmultiinput(
            input_ids,
            attention_mask,
            position_ids,
            inputs_embeds,
            past_key_values,
            mems,
            encoder_hidden_states,
            encoder_attention_mask,
            use_cache,
            return_mems,
            output_attentions,
            output_hidden_states,
            return_dict=True,
            condition=condition,
            sum_embeds=sum_embeds,
            prepend_embeds=prepend_embeds,
            prepend_mask=prepend_mask,
            excise_prepend_embeds=excise_prepend_embeds,
            **extras,
        )
        names = self.config.stream_names
        logits = {name: self.lm_heads[f"{name}_head"](hidden.last_hidden_state) for name in names}  # (b, n, v) each
        loss, targets = None, stacked("labels", labels, names)
        if targets is not None:
            of_tokens = {name: tokens_of(logits[name], prepend_embeds, excise_prepend_embeds) for name in names}
            losses = [next_token_loss(of_tokens[name], targets[:, :, index]) for index, name in enumerate(names)]
            loss = cast(Tensor, sum(losses[1:], losses[0]))
        output = XMultiInputLMOutput(
            loss=loss,
            logits=logits,
            past_key_values=hidden.past_key_values,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
            mems=hidden.mems,
            intermediates=hidden.intermediates,
            memory_states=hidden.memory_states,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
