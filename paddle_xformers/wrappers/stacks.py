"""Stacks of layers under the names of x-transformers: Encoder, Decoder, PrefixDecoder, CrossAttender."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from paddle import Tensor

from ..config import schema
from ..errors import ConfigError
from ..models import XContinuousConfig, XContinuousModel
from ..models.put_in import taken_from
from ..nn.calls import StackCall
from ..nn.stack import Stack
from .base import ModelWrapper
from .keywords import (
    ABSENT_POSITIONS,
    AROUND_LAYERS,
    STACK_KEYWORDS,
    accepted,
    keywords_around_stack,
    refuse_arguments,
)
from .masks import combine_masks, left_padding, prefix_mask
from .outputs import LayerIntermediates, attention_layers

_NOT_TAKEN = {
    "cache": ".model(past_key_values=...) takes keys and values",
    "mems": "layers alone keep no mems; give them to a wrapper with max_mem_len",
}


class AttentionLayers(ModelWrapper):
    """A stack of layers on hidden states, to be used alone or given to a wrapper.

    Alone, it is an XContinuousModel without projections: it adds no positions to its input, whatever
    disable_abs_pos_emb says; rotary positions and position biases work as ever.

    Args:
        dim: Width of the residual stream.
        depth: Number of blocks; may be left out only with custom_layers.
        heads: Number of query heads; 8 by default.
        **options: Fields of the stack, in any spelling; see docs/keyword-style.md.

    Raises:
        ConfigError: If a keyword is not known, or no stack can be built from the values.
    """

    causal = False
    prefix = False
    fixed: dict[str, Any] = {}

    def __init__(self, dim: int, depth: int | None = None, heads: int | None = None, **options: Any) -> None:
        super().__init__()
        name = type(self).__name__
        own = dict.fromkeys(("causal", *self.fixed), "the class says it already; leave it out, or use another class")
        elsewhere = {**dict.fromkeys(keywords_around_stack(schema()), AROUND_LAYERS), **own}
        options = accepted(name, options, STACK_KEYWORDS - set(own), elsewhere)
        if depth is None and "custom_layers" not in options:
            raise ConfigError(f"{name} got no depth; give the number of blocks, at least 1")
        given = {"dim": dim, "depth": depth, "heads": heads, **self.fixed, **options}
        self.keywords = {key: value for key, value in given.items() if value is not None}
        alone = {key: value for key, value in self.keywords.items() if key != ABSENT_POSITIONS}
        config = XContinuousConfig(**alone, causal=self.causal, max_seq_len=0, position_embedding="none")
        self.model = XContinuousModel(config)

    @property
    def dim(self) -> int:
        """Width of the residual stream."""
        return int(self.config.dim)

    @property
    def stack(self) -> Stack:
        """The layers and what they share."""
        stack: Stack = self.model.stack
        return stack

    def forward(
        self,
        x: Tensor,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        context_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
        return_hiddens: bool = False,
        pos: Tensor | None = None,
        self_attn_kv_mask: Tensor | None = None,
        seq_start_pos: Tensor | None = None,
        condition: Tensor | None = None,
        attn_bias: Tensor | None = None,
        layers_execute_order: Sequence[int] | None = None,
        repeat_blocks: Sequence[Any] | None = None,
        transform_block_inputs: Any = None,
        **others: Any,
    ) -> Tensor | tuple[Tensor, LayerIntermediates]:
        """Run the layers.

        Args:
            x: Hidden states, (b, n, d).
            context: What cross attention looks at, (b, m, c).
            mask: Which places are no padding, (b, n).
            context_mask: Likewise of the context, (b, m).
            attn_mask: Who may look at whom, (n, n), (h, n, n) or (b, h, n, n).
            return_hiddens: Return what the layers gave, too.
            pos: Positions, (n) or (b, n); by default they count the places of the mask.
            self_attn_kv_mask: Which places self attention may look at, (b, n), beside `mask`.
            seq_start_pos: First place of each row that is no padding, (b).
            condition: What adaptive norms and scales depend on, (b, dim_condition) or (b, n, dim_condition).
            attn_bias: Added to the scores of self attention, up to (b, h, n, n).
            layers_execute_order: Layers to run in this call; see `paddle_xformers.models.extras.Extras`.
            repeat_blocks: Blocks to run more than once, likewise.
            transform_block_inputs: Functions of the input of blocks, likewise.
            **others: What is put into layers, by the names of `paddle_xformers.models.put_in.PUT_IN`; others of
                x-transformers are refused, each with the reason.

        Returns:
            Hidden states, (b, n, d), after the final norm; with `return_hiddens` also what the layers gave.

        Raises:
            InputError: If an argument does not fit the stack or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments(type(self).__name__, others, self.forward, _NOT_TAKEN)
        mask = left_padding(mask, seq_start_pos, x.shape[1])
        attention_mask, positions = combine_masks(mask, attn_mask, pos)
        output = self.model(
            x,
            attention_mask=attention_mask,
            position_ids=positions,
            encoder_hidden_states=context,
            encoder_attention_mask=context_mask,
            condition=condition,
            self_attn_kv_mask=self_attn_kv_mask,
            attn_bias=attn_bias,
            **inside,
            layers_execute_order=layers_execute_order,
            repeat_blocks=repeat_blocks,
            transform_block_inputs=transform_block_inputs,
            output_attentions=return_hiddens,
            output_hidden_states=return_hiddens,
            return_dict=True,
        )
        states: Tensor = output.last_hidden_state
        if not return_hiddens:
            return states
        stack = self.stack
        order = stack.order_of(StackCall(order=layers_execute_order, repeat_blocks=repeat_blocks))
        layers = attention_layers(stack, output, order)
        return states, LayerIntermediates(list(output.hidden_states[:-1]), states, layers)


class Encoder(AttentionLayers):
    """Layers that look both ways; see `AttentionLayers`."""


class Decoder(AttentionLayers):
    """Layers that look backwards only; see `AttentionLayers`."""

    causal = True


class PrefixDecoder(AttentionLayers):
    """Layers that look both ways within a prefix, and backwards behind it (1910.10683); see `AttentionLayers`.

    In a TransformerWrapper they become an XDecoderForCausalLM with prefix_lm=True, which has a cache, too.
    """

    prefix = True

    def forward(  # type: ignore[override]
        self,
        x: Tensor,
        context: Tensor | None = None,
        mask: Tensor | None = None,
        context_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
        *,
        prefix_attn_len: Tensor | int | None = None,
        **others: Any,
    ) -> Tensor | tuple[Tensor, LayerIntermediates]:
        """Run the layers.

        Args:
            x: As in `AttentionLayers`, like all that are not named here.
            context: Likewise.
            mask: Likewise.
            context_mask: Likewise.
            attn_mask: Likewise; it hides tokens of the prefix, too.
            prefix_attn_len: Number of the first places that all may look at, for all rows or for each, (b); left out:
                everyone looks backwards only.
            **others: Likewise.

        Returns:
            As `AttentionLayers` does.

        Raises:
            InputError: If an argument does not fit the stack or the others.
        """
        seen = prefix_mask(x.shape[1], prefix_attn_len, attn_mask)
        return super().forward(x, context, mask, context_mask, seen, **others)


class CrossAttender(AttentionLayers):
    """Layers that look at a context only, and not at each other; see `AttentionLayers`."""

    fixed = {"cross_attend": True, "only_cross": True}


class TransformerBlock(AttentionLayers):
    """Layers to build a model of one's own from: one block, and no final norm, unless told otherwise.

    Args:
        dim: Width of the residual stream.
        depth: Number of blocks.
        heads: Number of query heads; 8 by default.
        causal: Whether they look backwards only.
        **options: As in `AttentionLayers`.

    Raises:
        ConfigError: If a keyword is not known, or no layers can be built from the values.
    """

    def __init__(
        self, dim: int, depth: int = 1, heads: int | None = None, *, causal: bool = False, **options: Any
    ) -> None:
        object.__setattr__(self, "causal", causal)  # which the base reads, before it is a layer
        if not {"final_norm", "pre_norm_has_final_norm"} & set(options):
            options["final_norm"] = False
        super().__init__(dim, depth, heads, **options)
