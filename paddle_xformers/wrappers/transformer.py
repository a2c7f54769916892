"""TransformerWrapper: token embeddings, a stack of layers, and a head."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from paddle import Tensor

from ..config import schema
from ..errors import InputError
from ..models import (
    XDecoderConfig,
    XDecoderForCausalLM,
    XDecoderModel,
    XEncoderConfig,
    XEncoderForMaskedLM,
    XEncoderModel,
)
from ..models.put_in import taken_from
from ..nn.calls import StackCall
from .base import ModelWrapper, adopt_stack, check_layers
from .keywords import OF_LAYERS, STACK_KEYWORDS, accepted, keywords_around_stack, refuse_arguments
from .masks import combine_masks, left_padding
from .outputs import Mems, attention_layers, mems_from_model, mems_to_model
from .stacks import AttentionLayers

_NOT_TAKEN = {
    "cache": "AutoregressiveWrapper.generate keeps keys and values by itself, and so does .model(past_key_values=...)",
    "return_intermediates": "ask for return_attn or return_mems, or call .model(output_hidden_states=True)",
    "return_embeddings_and_intermediates": "call .model(output_hidden_states=True, output_attentions=True)",
    "max_looped_steps": "give looped_steps for this call, or max_looped_steps to the constructor",
    "looped_inference": "every loop is run, and looped_exit_prob_threshold of the constructor says which one counts",
    "looped_exit_prob_threshold": "give it to the constructor",
}


class TransformerWrapper(ModelWrapper):
    """A language model: token embeddings, the layers given to it, and a head that gives logits.

    Holds, as `model`, an XDecoderForCausalLM around a Decoder or a PrefixDecoder and an XEncoderForMaskedLM around
    an Encoder, whose layers are those of `attn_layers`: the same parameters.

    Args:
        num_tokens: Size of the vocabulary.
        max_seq_len: Longest sequence.
        attn_layers: The layers, an Encoder, a Decoder or a PrefixDecoder.
        return_only_embed: Build no head: the model gives hidden states.
        **options: Fields around the layers, in any spelling (emb_dim, emb_dropout, post_emb_norm, tie_embedding,
            num_memory_tokens, max_mem_len, shift_mem_down, use_abs_pos_emb, ...); see docs/keyword-style.md.

    Raises:
        ConfigError: If a keyword is not known, or no model can be built from the values.
    """

    def __init__(
        self,
        *,
        num_tokens: int,
        max_seq_len: int,
        attn_layers: AttentionLayers,
        return_only_embed: bool = False,
        **options: Any,
    ) -> None:
        super().__init__()
        check_layers(
            "TransformerWrapper",
            attn_layers,
            AttentionLayers,
            "an Encoder(...), a Decoder(...) or a PrefixDecoder(...)",
        )
        config_class, base_class, head_class = _FAMILIES[attn_layers.causal or attn_layers.prefix]
        around = keywords_around_stack(config_class.fields())
        elsewhere = {
            **dict.fromkeys(keywords_around_stack(schema()), "it is for a Decoder only; leave it out"),
            **dict.fromkeys(STACK_KEYWORDS, OF_LAYERS),
        }
        options = accepted("TransformerWrapper", options, around, elsewhere)
        options = {"num_tokens": num_tokens, "max_seq_len": max_seq_len, **options}
        if attn_layers.prefix:
            options["prefix_lm"] = True
        config = config_class(**{**attn_layers.keywords, **options})
        self.model = (base_class if return_only_embed else head_class)(config)
        adopt_stack(self.model.base_model.stack, attn_layers.stack)
        self.return_only_embed = return_only_embed

    @property
    def max_seq_len(self) -> int:
        """Longest sequence."""
        return int(self.config.max_seq_len)

    @property
    def num_tokens(self) -> int:
        """Size of the vocabulary."""
        return int(self.config.num_tokens)

    def forward(
        self,
        x: Tensor,
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
        pos: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        seq_start_pos: Tensor | None = None,
        self_attn_kv_mask: Tensor | None = None,
        condition: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        excise_prepend_embeds: bool = False,
        attn_bias: Tensor | None = None,
        layers_execute_order: Sequence[int] | None = None,
        repeat_blocks: Sequence[Any] | None = None,
        transform_block_inputs: Any = None,
        embed_ids: Mapping[str, Tensor] | None = None,
        prefix_attn_len: Tensor | int | None = None,
        recycle_steps: int | None = None,
        looped_steps: int | None = None,
        looped_pred_all_logits: bool = False,
        **others: Any,
    ) -> Any:
        """Run the model.

        Args:
            x: Token ids, (b, n).
            return_embeddings: Return hidden states in place of logits.
            mask: Which tokens are no padding, (b, n).
            return_mems: Return mems for the next segment, too (needs max_mem_len).
            return_attn: Return the weights of every attention layer, too.
            mems: Mems of the segment before.
            return_logits_and_embeddings: Return a pair of both.
            attn_mask: Who may look at whom, (n, n), (h, n, n) or (b, h, n, n).
            context: What cross attention looks at, (b, m, c).
            context_mask: Which of it is no padding, (b, m).
            pos: Positions of the tokens, (n) or (b, n); by default they count the tokens of the mask.
            sum_embeds: Added to the token embeddings, (b, n, emb_dim).
            seq_start_pos: Index of the first token of each row, (b), where padding stands on the left.
            self_attn_kv_mask: Which tokens may be looked at, (b, n), beside `mask`.
            condition: What adaptive norms and scales depend on, (b, dim_condition) or (b, n, dim_condition).
            prepend_embeds: Vectors in front of the tokens, (b, p, emb_dim); masks do not cover them.
            prepend_mask: Which of them are no padding, (b, p).
            excise_prepend_embeds: Leave them out of what is returned.
            attn_bias: Added to the scores of self attention, up to (b, h, n, n).
            layers_execute_order: Layers to run in this call; see `paddle_xformers.models.extras.Extras`.
            repeat_blocks: Blocks to run more than once, likewise.
            transform_block_inputs: Functions of the input of blocks, likewise.
            embed_ids: Further ids of each token, (b, n), by name (needs embed_num_tokens).
            prefix_attn_len: Number of the first tokens that all may look at, for all rows or for each, (b) (needs a
                PrefixDecoder); memory tokens and padding do not count.
            recycle_steps: How often the layers run (needs recycling).
            looped_steps: Likewise (needs looped).
            looped_pred_all_logits: Return the logits after each loop and those of the exit gate, too.
            **others: What is put into layers, by the names of `paddle_xformers.models.put_in.PUT_IN`; others of
                x-transformers are refused, each with the reason.

        Returns:
            Logits, (b, n, v), a tuple of them with num_output_heads, or hidden states, (b, n, d), or a pair of both.
            With `looped_pred_all_logits` a pair of that and a pair: logits of each loop, (b, n, v), and of the gate,
            (b, n, loops).
            With `return_mems` or `return_attn` a pair of that and the mems, or a list of weights, (b, h, n, m) each.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments("TransformerWrapper", others, self.forward, _NOT_TAKEN)
        self._check_wishes(return_mems, return_attn, mems, return_logits_and_embeddings)
        mask = left_padding(mask, seq_start_pos, x.shape[1])
        attention_mask, positions = combine_masks(mask, attn_mask, pos)
        arguments = {
            "input_ids": x,
            "sum_embeds": sum_embeds,
            "embed_ids": embed_ids,
            "prepend_embeds": prepend_embeds,
            "prepend_mask": prepend_mask,
            "excise_prepend_embeds": excise_prepend_embeds,
            "attention_mask": attention_mask,
            "position_ids": positions,
            "encoder_hidden_states": context,
            "encoder_attention_mask": context_mask,
            "condition": condition,
            "self_attn_kv_mask": self_attn_kv_mask,
            "attn_bias": attn_bias,
            **inside,
            "layers_execute_order": layers_execute_order,
            "repeat_blocks": repeat_blocks,
            "transform_block_inputs": transform_block_inputs,
            "output_attentions": return_attn,
            "return_dict": True,
        }
        if prefix_attn_len is not None:
            arguments["prefix_attn_len"] = self._checked_prefix(prefix_attn_len)
        if mems is not None or return_mems:
            arguments |= {"mems": mems_to_model(mems), "return_mems": return_mems}
        rounds = {"recycle_steps": recycle_steps, "looped_steps": looped_steps}
        arguments |= {name: steps for name, steps in rounds.items() if steps is not None}
        if looped_pred_all_logits:
            output = self._all_loops(arguments, return_mems or return_attn or return_embeddings)
            return output.logits, (output.loop_logits, output.exit_logits)
        result, output = self._run(arguments, return_embeddings, return_logits_and_embeddings)
        if return_mems:
            return result, mems_from_model(output.mems)
        if return_attn:
            stack = self.model.base_model.stack
            order = stack.order_of(StackCall(order=layers_execute_order, repeat_blocks=repeat_blocks))
            layers = attention_layers(stack, output, order)
            return result, [layer.post_softmax_attn for layer in layers]
        return result

    def _run(self, arguments: dict[str, Any], return_embeddings: bool, return_both: bool) -> tuple[Any, Any]:
        """Return what was asked for, and the model's output."""
        if return_both:
            output = self.model(**arguments, output_hidden_states=True)
            return (_logits(output), output.hidden_states[-1]), output
        if return_embeddings or self.return_only_embed:
            output = self.model.base_model(**arguments)
            return output.last_hidden_state, output
        output = self.model(**arguments)
        return _logits(output), output

    def _checked_prefix(self, length: Tensor | int) -> Tensor | int:
        if not getattr(self.config, "prefix_lm", False):
            raise InputError(
                "prefix_attn_len needs layers that look both ways within it; build the wrapper with "
                "attn_layers=PrefixDecoder(...), or leave it out"
            )
        return length

    def _all_loops(self, arguments: dict[str, Any], more: bool) -> Any:
        """Return the model's output with the logits after each loop."""
        if more or not getattr(self.config, "looped", False) or self.return_only_embed:
            raise InputError(
                "looped_pred_all_logits needs looped=True and a head, and comes alone: leave out return_mems, "
                "return_attn and return_embeddings, or the argument"
            )
        return self.model(**arguments, looped_pred_all_logits=True)

    def _check_wishes(self, return_mems: bool, return_attn: bool, mems: Any, return_both: bool) -> None:
        if return_mems and return_attn:
            raise InputError(
                "return_mems and return_attn exclude each other; ask for one, and call again for the other"
            )
        if return_both and self.return_only_embed:
            raise InputError("return_logits_and_embeddings needs a head, and return_only_embed=True built none")
        if (return_mems or mems is not None) and not self.config.causal:
            raise InputError("mems and return_mems need a Decoder: an Encoder looks both ways and keeps none")


def _logits(output: Any) -> Any:
    """Logits, or a tuple of those of each head where there are several."""
    return getattr(output, "head_logits", None) or output.logits


# By whether the layers look backwards only: configuration, model without a head, model with a head.
_FAMILIES: dict[bool, tuple[Any, Any, Any]] = {
    True: (XDecoderConfig, XDecoderModel, XDecoderForCausalLM),
    False: (XEncoderConfig, XEncoderModel, XEncoderForMaskedLM),
}
