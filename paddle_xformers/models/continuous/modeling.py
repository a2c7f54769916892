"""Models over vectors: XContinuousModel and XContinuousForRegression."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import paddle
from paddle import Tensor

from ..._compat import import_paddlenlp
from ...config.options import ContinuousOptions
from ...errors import InputError
from ...nn.calls import StackCall
from ...nn.embeddings import ContinuousEmbeddings
from ...nn.places import kept_tokens, mask_of_lengths
from ...nn.regression import RegressionHead, regression_loss
from ...nn.sizes import sizes
from ..backbone import Backbone
from ..extras import Extras, check_returned, taken
from ..inputs import check_added
from ..outputs import XModelOutput, XRegressionOutput
from ..prefix import make_prefix, tokens_of
from ..pretrained import XPretrainedModel
from .configuration import XContinuousConfig
from .generate import VectorGeneration
from .inputs import check_lengths, check_vector_labels, check_vectors

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XContinuousPretrainedModel(XPretrainedModel):
    """Base of the continuous family."""

    config_class = XContinuousConfig
    base_model_prefix = "xcontinuous"
    main_input_name = "inputs"


@register_base_model
class XContinuousModel(XContinuousPretrainedModel, Backbone):
    """The model without a head: vectors to hidden states.

    With `dim_in=None` it is a bare stack: Encoder, Decoder or CrossAttender of x-transformers.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XContinuousConfig) -> None:
        super().__init__(config)
        options = config.stack_options()
        self.embeddings = ContinuousEmbeddings(options)
        self.build_body(options)

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        inputs: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        lens: Tensor | None = None,
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
        """Run the model.

        Args:
            inputs: Vectors, (b, n, dim_in), or (b, n, d) where dim_in is None; with `past_key_values` only the new
                ones. Floating point of any precision. What stands at padding has no effect; nan elsewhere spreads over
                its row.
            attention_mask: (b, all), (b, n, all) or (b or 1, heads or 1, n, all), where all counts past and new
                vectors; int or bool: attend where > 0; float: added to the scores. Two axes tell padding, on either
                side.
            position_ids: Positions of the vectors, (b, n); by default they count the vectors of the mask.
            lens: Number of vectors of each row, (b), the rest being padding, in place of a mask.
            past_key_values: Cache of a former call (needs causal).
            mems: Mems of the segment before (needs max_mem_len).
            encoder_hidden_states: What cross attention looks at, (b, m, c).
            encoder_attention_mask: Mask over it, as attention_mask.
            use_cache: Return a cache (needs causal); default config.use_cache.
            return_mems: Return mems for the next segment.
            output_attentions: Return attention weights; default config.output_attentions. Memory tokens are left out.
            output_hidden_states: Return hidden states: before each block, and the last; default
                config.output_hidden_states.
            return_dict: Return an XModelOutput rather than a tuple of its values that are not None; default
                config.return_dict.
            condition: What adaptive norms and scales depend on, (b, dim_condition), or (b, n, dim_condition) for each
                of the vectors; needed where the configuration has such parts.
            sum_embeds: Added to the embeddings, with their positions, (b, n, d).
            prepend_embeds: Vectors in front, after the projection, (b, p, d); with
                `past_key_values` the cache holds them. They get no positions added, and masks do not cover them.
            prepend_mask: Which of them are no padding, (b, p), int or bool; None: all.
            excise_prepend_embeds: Leave them out of what is returned; False: they stand in front of the vectors there.
            **extras: Further arguments; see `paddle_xformers.models.extras.Extras`.

        Returns:
            The last hidden state, (b, n, d), and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        size = check_vectors(inputs, config.width_in)
        if lens is not None:
            check_lengths(lens, size[0], attention_mask, past_key_values)
            attention_mask = mask_of_lengths(lens, size[1])
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
        if not config.causal and (call.use_cache or call.cache is not None):
            raise InputError(
                "use_cache and past_key_values need causal=True: with causal=False new vectors change what was "
                "computed of the old ones; pass the whole sequence"
            )
        # Vectors often come in the float64 of numpy; parameters say what the model computes in.
        vectors: Any = inputs
        vectors = vectors.astype(next(self.named_parameters())[1].dtype)
        padded = kept_tokens(attention_mask) is not None
        width = self.embeddings_width
        if paddle.in_dynamic_mode():
            check_added(width, sum_embeds, *size)
        prefix = make_prefix(prepend_embeds, prepend_mask, attention_mask, width, cache=past_key_values)
        output = self.run_body(
            lambda positions, **around: self.embeddings(vectors, positions, padded=padded, **around),
            size,
            position_ids,
            call,
            prefix,
            sum_embeds=sum_embeds,
            excise=excise_prepend_embeds,
        )
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()


class XContinuousForRegression(VectorGeneration, XContinuousPretrainedModel):
    """The model with a head that predicts vectors: each its own label, or the next vector of the sequence.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XContinuousConfig) -> None:
        super().__init__(config)
        self.xcontinuous = XContinuousModel(config)
        self.options = cast(ContinuousOptions, self.xcontinuous.stack.options.continuous)
        self.head = None
        if config.dim_out is not None:
            self.head = RegressionHead(
                config.dim, config.dim_out, bias=config.output_bias, probabilistic=config.probabilistic
            )

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        inputs: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        lens: Tensor | None = None,
        labels: Tensor | None = None,
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
    ) -> XRegressionOutput | tuple[Any, ...] | Tensor:
        """Predict a vector at every place.

        Args:
            inputs: As in `XContinuousModel.forward`, like all that are not named here.
            attention_mask: Likewise; the loss leaves its padding out, if it has two axes.
            position_ids: Likewise.
            lens: Likewise.
            labels: Target vectors, (b, n, dim_out), nan where a number has none. Where a place predicts the next
                (`regression_target`), they are not shifted: to learn to continue sequences give the inputs again.
            past_key_values: As in `XContinuousModel.forward`.
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
            An XRegressionOutput, or a tuple of its values that are not None: the mean loss if there are labels, the
            predictions (b, n, dim_out), their variances if the model is probabilistic, and what was asked for. A tuple
            of the predictions alone is returned as the bare tensor.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        check_returned(type(self).__name__, extras, ("return_gumbel_log_probs",))
        hidden = self.xcontinuous(
            inputs,
            attention_mask,
            position_ids,
            lens,
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
        means, log_variances = hidden.last_hidden_state, None
        if self.head is not None:
            means, log_variances = self.head(means)  # (b, n, dim_out)
        of_tokens = [
            None if part is None else tokens_of(part, prepend_embeds, excise_prepend_embeds)
            for part in (means, log_variances)
        ]
        output = XRegressionOutput(
            loss=None if labels is None else self._loss(of_tokens[0], of_tokens[1], labels, attention_mask, lens),
            predictions=means,
            variances=None if log_variances is None else log_variances.exp(),
            past_key_values=hidden.past_key_values,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
            mems=hidden.mems,
            intermediates=hidden.intermediates,
            memory_states=hidden.memory_states,
        )
        if self.config.return_dict if return_dict is None else return_dict:
            return output
        values = output.to_tuple()
        return values[0] if len(values) == 1 else values

    def _loss(
        self,
        means: Tensor,
        log_variances: Tensor | None,
        labels: Tensor,
        attention_mask: Tensor | None,
        lens: Tensor | None,
    ) -> Tensor:
        check_vector_labels(labels, means)
        n = sizes(means)[1]
        keep = kept_tokens(attention_mask if lens is None else mask_of_lengths(lens, n))
        if keep is not None:
            keep = keep[:, -n:]
        if self.config.predicts_next:
            # The last place has no next one. Shift the labels rather than the predictions: the shapes stay.
            labels = paddle.concat([labels[:, 1:], paddle.full_like(labels[:, :1], float("nan"))], axis=1)
            if keep is not None:
                follows = paddle.concat([keep[:, 1:], paddle.zeros_like(keep[:, :1])], axis=1)
                keep = paddle.logical_and(keep, follows)
        return regression_loss(means, log_variances, labels, self.options, keep)
