"""Numbers among tokens (2310.02989): XValModel and XValForCausalLM."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor

from ..._compat import import_paddlenlp
from ...errors import InputError
from ...nn.calls import StackCall
from ...nn.linear import Linear
from ...nn.lm_head import make_lm_head
from ...nn.number_embeddings import NumberEmbeddings
from ..backbone import Backbone
from ..extras import Extras, check_returned, taken
from ..inputs import check_added, check_tokens
from ..outputs import XModelOutput, XNumberLMOutput, as_asked
from ..prefix import make_prefix, tokens_of
from ..pretrained import XPretrainedModel
from .configuration import XValConfig
from .generate import NumberGeneration
from .inputs import check_numbers
from .loss import token_and_number_losses

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XValPretrainedModel(XPretrainedModel):
    """Base of the family with numbers among its tokens."""

    config_class = XValConfig
    base_model_prefix = "xval"
    _tied_weights_keys = ["lm_head.weight"]

    def resize_token_embeddings(self, new_num_tokens: int | None = None) -> Any:
        """Change the size of the vocabulary; see `XPretrainedModel.resize_token_embeddings`.

        Args:
            new_num_tokens: The new size, above numerical_token_id; None changes nothing.

        Raises:
            InputError: If the size is not allowed.
        """
        number = self.config.numerical_token_id
        if new_num_tokens is not None and 1 <= new_num_tokens <= number:
            raise InputError(
                f"new_num_tokens={new_num_tokens} leaves out numerical_token_id={number}, the token for numbers; give "
                f"at least {number + 1}"
            )
        return super().resize_token_embeddings(new_num_tokens)


@register_base_model
class XValModel(XValPretrainedModel, Backbone):
    """The decoder without a head: token ids and numbers to hidden states.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XValConfig) -> None:
        super().__init__(config)
        options = config.stack_options()
        self.embeddings = NumberEmbeddings(options)
        self.build_body(options)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        input_numbers: Tensor | None = None,
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
            input_ids: Token ids, (b, n); with `past_key_values` only the new ones.
            input_numbers: The number of each token that stands for one (`numerical_token_id`), (b, n); what stands at
                others, nan even, has no effect. None: ones.
            attention_mask: (b, all), (b, n, all) or (b or 1, heads or 1, n, all), where all counts past and new tokens;
                int or bool: attend where > 0; float: added to the scores. Two axes tell padding, on either side.
            position_ids: Positions of the tokens, (b, n); by default they count the tokens of the mask.
            inputs_embeds: Token embeddings in place of ids and numbers, (b, n, emb_dim): what
                `embeddings.look_up(input_ids, input_numbers)` gives.
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
                of the tokens; needed where the configuration has such parts.
            sum_embeds: Added to the embeddings, with their positions, (b, n, emb_dim).
            prepend_embeds: Vectors in front of the tokens, such as those of an image, (b, p, emb_dim); with
                `past_key_values` the cache holds them. They get no positions added, and masks do not cover them.
            prepend_mask: Which of them are no padding, (b, p), int or bool; None: all.
            excise_prepend_embeds: Leave them out of what is returned; False: they stand in front of the tokens there.
            **extras: Further arguments about single layers; see `paddle_xformers.models.extras.Extras`.

        Returns:
            The last hidden state, (b, n, d), and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        width = self.embeddings_width
        size = check_tokens(input_ids, inputs_embeds, width)
        if paddle.in_dynamic_mode():  # a graph that is traced leaves sizes open
            check_numbers("input_numbers", input_numbers, input_ids, "input_ids")
            check_added(width, sum_embeds, *size)
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
        output = self.run_body(
            lambda positions, **around: self.embeddings(input_ids, positions, inputs_embeds, input_numbers, **around),
            size,
            position_ids,
            call,
            make_prefix(prepend_embeds, prepend_mask, attention_mask, width, cache=past_key_values),
            sum_embeds=sum_embeds,
            excise=excise_prepend_embeds,
        )
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()


class XValForCausalLM(NumberGeneration, XValPretrainedModel):
    """The decoder with a language model head, and one that predicts the number of the next token.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XValConfig) -> None:
        super().__init__(config)
        self.xval = XValModel(config)
        self.lm_head = make_lm_head(self.xval.stack.options)
        self.number_head = Linear(config.dim, 1, bias=True)
        self.tie_weights()

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        input_numbers: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        labels: Tensor | None = None,
        number_labels: Tensor | None = None,
        past_key_values: tuple[Any, ...] | None = None,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        use_cache: bool | None = None,
        return_mems: bool = False,
        return_loss_breakdown: bool = False,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        excise_prepend_embeds: bool = True,
        **extras: Unpack[Extras],
    ) -> XNumberLMOutput | tuple[Any, ...]:
        """Predict the next token at every place, and its number in case it stands for one.

        Args:
            input_ids: As in `XValModel.forward`, like all that are not named here.
            input_numbers: Likewise.
            attention_mask: Likewise.
            position_ids: Likewise.
            inputs_embeds: Likewise.
            labels: Target ids, (b, n), not shifted; -100 is left out of the loss.
            number_labels: Target numbers, (b, n), not shifted; what stands at other tokens than numbers has no effect.
                None: the input_numbers.
            past_key_values: As in `XValModel.forward`.
            mems: Likewise.
            encoder_hidden_states: Likewise.
            encoder_attention_mask: Likewise.
            use_cache: Likewise.
            return_mems: Likewise.
            return_loss_breakdown: Return the loss of tokens and that of numbers, too.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.
            condition: Likewise.
            sum_embeds: Likewise.
            prepend_embeds: Likewise.
            prepend_mask: Likewise.
            excise_prepend_embeds: Likewise.
            **extras: Further arguments about single layers; see `paddle_xformers.models.extras.Extras`.

        Returns:
            An XNumberLMOutput, or a tuple of its values that are not None: the mean loss if there are labels (cross
            entropy, plus squared error of numbers by `numerical_loss_weight`), the logits (b, n, v), the numbers
            (b, n), and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        check_returned(type(self).__name__, extras, ("return_gumbel_log_probs",))
        if paddle.in_dynamic_mode():
            check_numbers("number_labels", number_labels, labels, "labels")
        hidden = self.xval(
            input_ids,
            input_numbers,
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
        logits = self.lm_head(hidden.last_hidden_state)  # (b, n, v)
        numbers = self.number_head(hidden.last_hidden_state).squeeze(-1)  # (b, n)
        loss, of_tokens, of_numbers = None, None, None
        if labels is not None:
            wanted, number = input_numbers if number_labels is None else number_labels, self.config.numerical_token_id
            own, theirs = (tokens_of(part, prepend_embeds, excise_prepend_embeds) for part in (logits, numbers))
            of_tokens, of_numbers = token_and_number_losses(own, theirs, labels, wanted, number)
            loss = of_tokens + self.config.numerical_loss_weight * of_numbers
        output = XNumberLMOutput(
            loss=loss,
            logits=logits,
            numbers=numbers,
            past_key_values=hidden.past_key_values,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
            mems=hidden.mems,
            intermediates=hidden.intermediates,
            memory_states=hidden.memory_states,
            token_loss=of_tokens if return_loss_breakdown else None,
            number_loss=of_numbers if return_loss_breakdown else None,
        )
        return as_asked(output, self.config.return_dict if return_dict is None else return_dict)
