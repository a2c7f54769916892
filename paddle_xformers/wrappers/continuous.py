"""ContinuousTransformerWrapper: sequences of vectors, a stack of layers, and vectors again."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ..errors import ConfigError, InputError
from ..models import XContinuousConfig, XContinuousForRegression
from ..models.put_in import taken_from
from .base import ModelWrapper, adopt_stack, check_layers
from .keywords import OF_LAYERS, STACK_KEYWORDS, accepted, keywords_around_stack, refuse_arguments
from .masks import combine_masks, left_padding
from .outputs import Mems, attention_layers, mems_from_model, mems_to_model
from .stacks import AttentionLayers

_NOT_TAKEN = {
    "cache": ".model(past_key_values=...) takes keys and values, and .model.generate keeps them by itself",
    "return_intermediates": "ask for return_attn or return_mems, or call .model(output_hidden_states=True)",
}


class ContinuousTransformerWrapper(ModelWrapper):
    """A model from vectors to vectors; holds an XContinuousForRegression as `model`, with the layers given to it.

    Args:
        attn_layers: The layers, an Encoder or a Decoder.
        max_seq_len: Longest sequence; None or 0: no limit, and no learned positions.
        dim_in: Width of the vectors that come in; None: that of the layers, and no projection.
        dim_out: Width of the vectors that come out; None: likewise.
        emb_dim: Of the old port, which did nothing with it: None, or the width of the layers.
        use_identity_if_same_dim: Leave a projection out where it would keep the width.
        **options: Fields around the layers, in any spelling (emb_dropout, post_emb_norm, num_memory_tokens,
            max_mem_len, use_abs_pos_emb, probabilistic, ...); see docs/keyword-style.md.

    Raises:
        ConfigError: If a keyword is not known, or no model can be built from the values.
    """

    def __init__(
        self,
        *,
        attn_layers: AttentionLayers,
        max_seq_len: int | None = None,
        dim_in: int | None = None,
        dim_out: int | None = None,
        emb_dim: int | None = None,
        use_identity_if_same_dim: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        name = "ContinuousTransformerWrapper"
        check_layers(name, attn_layers, AttentionLayers, "an Encoder(...) or a Decoder(...)")
        if emb_dim not in (None, attn_layers.dim):
            raise ConfigError(
                f"emb_dim={emb_dim} has no effect in {name}, which projects vectors to dim={attn_layers.dim}; leave it "
                "out"
            )
        around = keywords_around_stack(XContinuousConfig.fields()) - {"causal"}
        elsewhere = {**dict.fromkeys(STACK_KEYWORDS, OF_LAYERS), "causal": OF_LAYERS}
        options = accepted(name, options, around, elsewhere)
        if use_identity_if_same_dim:
            dim_in, dim_out = (None if width == attn_layers.dim else width for width in (dim_in, dim_out))
        options |= {"dim_in": dim_in, "dim_out": dim_out, "max_seq_len": max_seq_len or 0}
        if attn_layers.prefix:
            raise ConfigError(
                f"{name} does not take a PrefixDecoder, whose prefix its calls do not tell; give an Encoder(...) with "
                "an attn_mask, or a Decoder(...)"
            )
        config = XContinuousConfig(causal=attn_layers.causal, **{**attn_layers.keywords, **options})
        self.model = XContinuousForRegression(config)
        adopt_stack(self.model.base_model.stack, attn_layers.stack)

    @property
    def max_seq_len(self) -> int:
        """Longest sequence; 0: no limit."""
        return int(self.config.max_seq_len)

    def forward(
        self,
        x: Tensor,
        return_embeddings: bool = False,
        mask: Tensor | None = None,
        return_attn: bool = False,
        mems: Mems | None = None,
        *,
        return_mems: bool = False,
        lens: Tensor | None = None,
        attn_mask: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        pos: Tensor | None = None,
        seq_start_pos: Tensor | None = None,
        self_attn_kv_mask: Tensor | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        attn_bias: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """Run the model.

        Args:
            x: Vectors, (b, n, dim_in).
            return_embeddings: Return hidden states in place of predictions.
            mask: Which places are no padding, (b, n).
            return_attn: Return the weights of every attention layer, too.
            mems: Mems of the segment before.
            return_mems: Return mems for the next segment, too (needs max_mem_len).
            lens: Length of each row, (b), in place of a mask.
            attn_mask: Who may look at whom, (n, n), (h, n, n) or (b, h, n, n).
            context: What cross attention looks at, (b, m, c).
            context_mask: Which of it is no padding, (b, m).
            pos: Positions, (n) or (b, n); by default they count the places of the mask.
            seq_start_pos: First place of each row that is no padding, (b).
            self_attn_kv_mask: Which places may be looked at, (b, n), beside `mask`.
            condition: What adaptive norms and scales depend on, (b, dim_condition) or (b, n, dim_condition).
            sum_embeds: Added to the projected vectors, (b, n, d).
            prepend_embeds: Put in front of them, (b, p, d); masks do not cover them, and what is returned does.
            prepend_mask: Which of them are no padding, (b, p).
            attn_bias: Added to the scores of self attention, up to (b, h, n, n).
            **others: What is put into layers, by the names of `paddle_xformers.models.put_in.PUT_IN`; others of
                x-transformers are refused, each with the reason.

        Returns:
            Predictions, (b, n, dim_out); of a probabilistic model (2, b, n, dim_out), means and variances. Or hidden
            states, (b, n, d). With `return_mems` or `return_attn` a pair of that and the mems, or a list of weights,
            (b, h, n, m) each.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments("ContinuousTransformerWrapper", others, self.forward, _NOT_TAKEN)
        if return_mems and return_attn:
            raise InputError(
                "return_mems and return_attn exclude each other; ask for one, and call again for the other"
            )
        if lens is not None:
            if mask is not None:
                raise InputError("mask and lens exclude each other: lens is a mask with padding on the right; give one")
            mask = paddle.arange(x.shape[1]) < lens.unsqueeze(-1)
        mask = left_padding(mask, seq_start_pos, x.shape[1])
        attention_mask, positions = combine_masks(mask, attn_mask, pos)
        output = (self.model.base_model if return_embeddings else self.model)(
            x,
            attention_mask=attention_mask,
            position_ids=positions,
            mems=mems_to_model(mems),
            encoder_hidden_states=context,
            encoder_attention_mask=context_mask,
            condition=condition,
            sum_embeds=sum_embeds,
            prepend_embeds=prepend_embeds,
            prepend_mask=prepend_mask,
            excise_prepend_embeds=False,
            return_mems=return_mems,
            self_attn_kv_mask=self_attn_kv_mask,
            attn_bias=attn_bias,
            **inside,
            output_attentions=return_attn,
            return_dict=True,
        )
        result = output.last_hidden_state if return_embeddings else output.predictions
        if not return_embeddings and output.variances is not None:
            result = paddle.stack([output.predictions, output.variances])
        if return_mems:
            return result, mems_from_model(output.mems)
        if return_attn:
            layers = attention_layers(self.model.base_model.stack, output)
            return result, [layer.post_softmax_attn for layer in layers]
        return result
