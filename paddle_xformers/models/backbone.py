"""What models share: embeddings, memory tokens in front, the stack, and back to what callers see."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import paddle
from paddle import Tensor

from ..config import StackOptions
from ..nn.attention.cache import cache_length
from ..nn.calls import StackCall, StackOutput
from ..nn.embeddings import TokenEmbeddings
from ..nn.memory import MemoryTokens
from ..nn.places import token_positions
from ..nn.sizes import sizes
from ..nn.stack import Stack
from .inputs import check_context, check_length, check_memory, check_positions, check_prefix, check_tokens, check_types
from .outputs import XModelOutput
from .prefix import Prefix


class Backbone:
    """The body of a bare model, whatever its inputs are; stands behind the family's PretrainedModel among its bases."""

    config: Any

    def build_body(self, options: StackOptions) -> None:
        """Build memory tokens and stack.

        Args:
            options: Everything they are built from.
        """
        count = options.memory.num_memory_tokens
        self.memory_tokens = MemoryTokens(count, options.dim) if count else None
        self.stack = Stack(options)

    def run_body(
        self,
        embed: Callable[[Tensor], Tensor],
        size: tuple[Any, Any],
        position_ids: Tensor | None,
        call: StackCall,
        prefix: Prefix | None = None,
    ) -> XModelOutput:
        """Run the model on whatever `embed` makes; `call` is completed with what stands in front of it.

        Args:
            embed: From the positions of the tokens, (b or 1, n), to the first hidden state, (b, n, d).
            size: Batch size and number of new tokens.
            position_ids: Positions of the tokens, (b, n), or None to count them.
            call: What is asked of the stack.
            prefix: What stands between memory tokens and tokens, or None.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config, cache = self.config, call.cache
        b, n = size
        if paddle.in_dynamic_mode():  # a graph that is traced leaves sizes open
            check_positions(position_ids, b, n)
            check_memory(self.stack, b, cache, call.mems, call.return_mems)
            context_width = config.cross_attn_dim_context or config.dim
            check_context(self.stack, b, call.context, call.context_mask, context_width)
            check_length(self.stack, b, n, call.attention_mask, cache)
            check_prefix(self.stack, b, n, call.prefix_len, cache)
        positions = token_positions(n, call.attention_mask, position_ids, cache)
        x = embed(positions)
        if prefix is not None:
            x, positions, call = prefix.in_front(x, positions, call)
            n = sizes(x)[1]
        if self.memory_tokens is not None and cache is None:
            x = self.memory_tokens(x)
            call = dataclasses.replace(call, lead=self.memory_tokens.count)
        before = cache_length(cache) - (0 if cache is None else config.num_memory_tokens)
        return _model_output(self.stack(x, positions, call), call.lead, before + n)


class TokenBackbone(Backbone):
    """The body of a bare token model."""

    def build_backbone(self, options: StackOptions, *, type_vocab_size: int = 0) -> None:
        """Build embeddings, memory tokens and stack.

        Args:
            options: Everything they are built from.
            type_vocab_size: Number of token types; 0: none.
        """
        self.embeddings = TokenEmbeddings(options, type_vocab_size=type_vocab_size)
        self.build_body(options)

    def run(
        self,
        input_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        position_ids: Tensor | None,
        call: StackCall,
        prefix: Prefix | None = None,
        **embedded: Any,
    ) -> XModelOutput:
        """Run the model on tokens.

        Args:
            input_ids: Token ids, (b, n), or None.
            inputs_embeds: Token embeddings, (b, n, e), or None.
            position_ids: Positions of the tokens, (b, n), or None to count them.
            call: What is asked of the stack.
            prefix: What stands between memory tokens and tokens; its hidden states are returned as well.
            **embedded: What else goes into the embedding.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        size = check_tokens(input_ids, inputs_embeds, self.config.emb_dim or self.config.dim)
        if paddle.in_dynamic_mode():
            check_types(embedded.get("token_type_ids"), getattr(self.config, "type_vocab_size", 0), *size)
        return self.run_body(
            lambda positions: self.embeddings(input_ids, positions, inputs_embeds, **embedded),
            size,
            position_ids,
            call,
            prefix,
        )


def _model_output(output: StackOutput, lead: int, keys: int) -> XModelOutput:
    """Leave memory tokens, and what else stands in front of the tokens, out of what the caller sees.

    Args:
        output: What the stack gave back.
        lead: Number of memory tokens in front of the new tokens.
        keys: Number of past and new tokens.
    """
    attentions = [weights[:, :, lead:, -keys:] for weights in output.attentions]
    crossed = [weights[:, :, lead:] if lead else weights for weights in output.cross_attentions]
    return XModelOutput(
        last_hidden_state=_tokens_only(output.hidden, lead),
        past_key_values=output.cache,
        hidden_states=tuple(_tokens_only(states, lead) for states in output.hidden_states) or None,
        attentions=tuple(attentions) or None,
        cross_attentions=tuple(crossed) or None,
        mems=output.mems,
    )


def _tokens_only(states: Tensor, lead: int) -> Tensor:
    return states[:, lead:] if lead else states
