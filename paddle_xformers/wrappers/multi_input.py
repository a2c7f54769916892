"""MultiInputTransformerWrapper: several streams of tokens, a stack of layers, and a head for each stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paddle import Tensor

from ..config import schema
from ..errors import InputError
from ..models import XMultiInputConfig, XMultiInputForCausalLM, XMultiInputModel
from ..models.multi_input.inputs import stacked
from ..models.put_in import taken_from
from .base import ModelWrapper, adopt_stack, check_layers
from .keywords import OF_LAYERS, STACK_KEYWORDS, accepted, keywords_around_stack, refuse_arguments
from .masks import combine_masks, left_padding
from .outputs import Mems, attention_layers, mems_from_model, mems_to_model
from .stacks import AttentionLayers, Decoder

_NOT_TAKEN = {
    "cache": ".model(past_key_values=...) takes keys and values, and .model.generate keeps them by itself",
    "return_intermediates": "ask for return_attn or return_mems, or call .model(output_hidden_states=True)",
}


class MultiInputTransformerWrapper(ModelWrapper):
    """A model over several streams of tokens; holds an XMultiInputForCausalLM as `model`, with the layers given to it.

    Args:
        num_tokens: Size of the vocabulary of each stream, by the name of the stream.
        max_seq_len: Longest sequence.
        attn_layers: The layers, a Decoder.
        return_only_embed: Build no heads: the model gives hidden states.
        **options: Fields around the layers, in any spelling (emb_dim, emb_dropout, post_emb_norm, num_memory_tokens,
            max_mem_len, use_abs_pos_emb, emb_frac_gradient, ...); see docs/keyword-style.md.

    Raises:
        ConfigError: If a keyword is not known, or no model can be built from the values.
    """

    def __init__(
        self,
        *,
        num_tokens: Mapping[str, int],
        max_seq_len: int,
        attn_layers: AttentionLayers,
        return_only_embed: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        name = "MultiInputTransformerWrapper"
        check_layers(name, attn_layers, Decoder, "a Decoder(...): each place predicts the next tokens")
        around = keywords_around_stack(XMultiInputConfig.fields()) - {"stream_names", "stream_num_tokens"}
        elsewhere = {
            **dict.fromkeys(keywords_around_stack(schema()), "it is for other families; leave it out"),
            **dict.fromkeys(STACK_KEYWORDS, OF_LAYERS),
        }
        options = accepted(name, options, around, elsewhere)
        options = {"num_tokens": num_tokens, "max_seq_len": max_seq_len, **options}
        config = XMultiInputConfig(**{**attn_layers.keywords, **options})
        self.model = (XMultiInputModel if return_only_embed else XMultiInputForCausalLM)(config)
        adopt_stack(self.model.base_model.stack, attn_layers.stack)
        self.return_only_embed = return_only_embed

    @property
    def max_seq_len(self) -> int:
        """Longest sequence."""
        return int(self.config.max_seq_len)

    def forward(
        self,
        x: Mapping[str, Tensor],
        return_embeddings: bool = False,
        mask: Tensor | None = None,
        return_mems: bool = False,
        return_attn: bool = False,
        mems: Mems | None = None,
        *,
        return_logits_and_embeddings: bool = False,
        attn_mask: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        condition: Tensor | None = None,
        pos: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        seq_start_pos: Tensor | None = None,
        self_attn_kv_mask: Tensor | None = None,
        attn_bias: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """Run the model.

        Args:
            x: Token ids of each stream by its name, (b, n) each.
            return_embeddings: Return hidden states in place of logits.
            mask: Which places are no padding, (b, n).
            return_mems: Return mems for the next segment, too (needs max_mem_len).
            return_attn: Return the weights of every attention layer, too.
            mems: Mems of the segment before.
            return_logits_and_embeddings: Return a pair of both.
            attn_mask: Who may look at whom, (n, n), (h, n, n) or (b, h, n, n).
            context: What cross attention looks at, (b, m, c).
            context_mask: Which of it is no padding, (b, m).
            condition: What adaptive norms and scales depend on, (b, dim_condition) or (b, n, dim_condition).
            pos: Positions, (n) or (b, n); by default they count the places of the mask.
            prepend_embeds: Put in front of the places, (b, p, emb_dim); masks do not cover them, and what is returned
                does.
            prepend_mask: Which of them are no padding, (b, p).
            sum_embeds: Added to the embeddings, with their positions, (b, n, emb_dim).
            seq_start_pos: First place of each row that is no padding, (b).
            self_attn_kv_mask: Which places may be looked at, (b, n), beside `mask`.
            attn_bias: Added to the scores of self attention, up to (b, h, n, n).
            **others: What is put into layers, by the names of `paddle_xformers.models.put_in.PUT_IN`; others of
                x-transformers are refused, each with the reason.

        Returns:
            Logits of each stream by its name, (b, n, v) each, or hidden states, (b, n, d), or a pair of both. With
            `return_mems` or `return_attn` a pair of that and the mems, or a list of weights, (b, h, n, m) each.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments("MultiInputTransformerWrapper", others, self.forward, _NOT_TAKEN)
        if return_mems and return_attn:
            raise InputError(
                "return_mems and return_attn exclude each other; ask for one, and call again for the other"
            )
        if return_logits_and_embeddings and self.return_only_embed:
            raise InputError("return_logits_and_embeddings needs heads, and return_only_embed=True built none")
        ids: Any = stacked("x", x, self.config.stream_names)
        mask = left_padding(mask, seq_start_pos, ids.shape[1])
        attention_mask, positions = combine_masks(mask, attn_mask, pos)
        bare = return_embeddings or self.return_only_embed
        output = (self.model.base_model if bare else self.model)(
            ids,
            sum_embeds=sum_embeds,
            prepend_embeds=prepend_embeds,
            prepend_mask=prepend_mask,
            excise_prepend_embeds=False,
            attention_mask=attention_mask,
            position_ids=positions,
            mems=mems_to_model(mems),
            encoder_hidden_states=context,
            encoder_attention_mask=context_mask,
            condition=condition,
            return_mems=return_mems,
            self_attn_kv_mask=self_attn_kv_mask,
            attn_bias=attn_bias,
            **inside,
            output_attentions=return_attn,
            output_hidden_states=return_logits_and_embeddings,
            return_dict=True,
        )
        result = output.last_hidden_state if bare else output.logits
        if return_logits_and_embeddings:
            result = (output.logits, output.hidden_states[-1])
        if return_mems:
            return result, mems_from_model(output.mems)
        if return_attn:
            layers = attention_layers(self.model.base_model.stack, output)
            return result, [layer.post_softmax_attn for layer in layers]
        return result
