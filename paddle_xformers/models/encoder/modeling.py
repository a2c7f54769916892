"""The bidirectional encoder without a head: XEncoderModel."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import paddle
from paddle import Tensor

from ..._compat import import_paddlenlp
from ...errors import InputError
from ...nn.calls import StackCall
from ...nn.places import kept_tokens
from ...nn.pooling import Pooler
from ..backbone import TokenBackbone
from ..extras import Extras, taken, told_to_embedder
from ..outputs import XEncoderOutput
from ..prefix import make_prefix
from ..pretrained import XPretrainedModel
from .configuration import XEncoderConfig

if TYPE_CHECKING:
    from typing_extensions import Unpack

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XEncoderPretrainedModel(XPretrainedModel):
    """Base of the encoder family."""

    config_class = XEncoderConfig
    base_model_prefix = "xencoder"


@register_base_model
class XEncoderModel(XEncoderPretrainedModel, TokenBackbone):
    """The encoder without a head: token ids to hidden states, every token looking at every other.

    Args:
        config: The configuration.
        add_pooling_layer: Whether there is a vector for the whole sequence too, as `config.pooler` asks for; heads
            that have no use for it leave it out.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XEncoderConfig, add_pooling_layer: bool = True) -> None:
        super().__init__(config)
        stack, own = config.stack_options(), config.encoder_options()
        self.build_backbone(stack, type_vocab_size=own.type_vocab_size)
        pools = add_pooling_layer and own.pooler != "none"
        self.pooler = Pooler(stack.dim, own, stack.attention) if pools else None

    @paddle.jit.not_to_static  # plain Python serves both modes: nothing depends on the values of tensors
    def forward(
        self,
        input_ids: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        position_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        output_attentions: bool | None = None,
        output_hidden_states: bool | None = None,
        return_dict: bool | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        excise_prepend_embeds: bool = True,
        embed_ids: Tensor | Mapping[str, Tensor] | None = None,
        **extras: Unpack[Extras],
    ) -> XEncoderOutput | tuple[Any, ...]:
        """Run the encoder.

        Args:
            input_ids: Token ids, (b, n).
            token_type_ids: Type of each token, (b, n) (needs type_vocab_size); by default all are of type 0.
            position_ids: Positions of the tokens, (b, n); by default they count the tokens of the mask.
            attention_mask: (b, n), (b, n, n) or (b or 1, heads or 1, n, n); int or bool: attend where > 0; float:
                added to the scores. Two axes tell padding, on either side.
            inputs_embeds: Token embeddings in place of ids, (b, n, emb_dim).
            encoder_hidden_states: What cross attention looks at, (b, m, c).
            encoder_attention_mask: Mask over it, as attention_mask.
            output_attentions: Return attention weights; default config.output_attentions. Memory tokens are left out.
            output_hidden_states: Return hidden states: before each block, and the last; default
                config.output_hidden_states.
            return_dict: Return PaddleNLP's output class rather than a tuple of its values that are not None; default
                config.return_dict.
            prepend_embeds: Vectors in front of the tokens, such as those of an image, (b, p, emb_dim).
                They get no positions added, and masks do not cover them.
            prepend_mask: Which of them are no padding, (b, p), int or bool; None: all.
            condition: What adaptive norms and scales depend on, (b, dim_condition), or (b, n, dim_condition) for each
                of the tokens; needed where the configuration has such parts.
            sum_embeds: Added to the embeddings, with their positions, (b, n, emb_dim).
            excise_prepend_embeds: Leave them out of what is returned; False: they stand in front of the tokens there.
            embed_ids: Further ids of each token (needs embed_num_tokens): (b, n) by name, or (b, n, k) in the
                alphabetical order of the names; by default all are 0.
            **extras: Further arguments about single layers; see `paddle_xformers.models.extras.Extras`.

        Returns:
            The last hidden state, (b, n, d), the pooled vector, (b, d), if there is a pooler, and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config, told = self.config, told_to_embedder(extras)
        call = StackCall(
            condition=condition,
            attention_mask=attention_mask,
            context=encoder_hidden_states,
            context_mask=encoder_attention_mask,
            output_attentions=config.output_attentions if output_attentions is None else output_attentions,
            output_hidden_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            **taken(extras),
        )
        prefix = make_prefix(prepend_embeds, prepend_mask, attention_mask, self.embeddings_width)
        seen = self.run(
            input_ids,
            inputs_embeds,
            position_ids,
            call,
            prefix,
            sum_embeds=sum_embeds,
            embed_ids=embed_ids,
            excise=excise_prepend_embeds,
            **told,
            token_type_ids=token_type_ids,
        )
        pooled = None
        if self.pooler is not None and call.packed is not None:
            raise InputError("flash_pack_seq_kwargs does not go with a pooler, which makes one vector of a row")
        if self.pooler is not None:
            mask: Any = attention_mask
            if prefix is not None and not excise_prepend_embeds:
                mask = prefix.mask_over_both(mask, input_ids if inputs_embeds is None else inputs_embeds)
            pooled = self.pooler(seen.last_hidden_state, kept_tokens(mask))  # (b, d)
        output = XEncoderOutput(
            last_hidden_state=seen.last_hidden_state,
            pooler_output=pooled,
            hidden_states=seen.hidden_states,
            attentions=seen.attentions,
            cross_attentions=seen.cross_attentions,
            gumbel_log_probs=seen.gumbel_log_probs,
            intermediates=seen.intermediates,
            memory_states=seen.memory_states,
        )
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()
