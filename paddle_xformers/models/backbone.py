"""What models share: embeddings, memory tokens in front, the stack, and back to what callers see."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import paddle
from paddle import Tensor

from ..config import StackOptions
from ..errors import InputError
from ..nn.attention.cache import prepended, prepended_length
from ..nn.calls import StackCall, StackOutput
from ..nn.deep_embeddings import DeepEmbeddings
from ..nn.embeddings import TokenEmbeddings
from ..nn.extra_embeddings import ExtraEmbeddings
from ..nn.interspersed import make_between, tokens_held
from ..nn.memory import MemoryTokens
from ..nn.places import token_positions
from ..nn.shown import Shown
from ..nn.sizes import sizes
from ..nn.stack import Stack
from .extras import check_alone, check_extras, check_order
from .inputs import (
    check_added,
    check_condition,
    check_context,
    check_length,
    check_memory,
    check_positions,
    check_prefix,
    check_tokens,
    check_types,
    stacked_ids,
)
from .outputs import XModelOutput
from .packing import check_packed, packed_output, segments_of, unpacked_call
from .prefix import Prefix, joined
from .put_in import check_put_in


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
        self.between = make_between(options.memory)
        self.stack = Stack(options)

    @property
    def embeddings_width(self) -> int:
        """Width of the embeddings, before they become as wide as the stack."""
        return int(getattr(self.config, "emb_dim", None) or self.config.dim)

    def run_body(
        self,
        embed: Callable[..., Tensor],
        size: tuple[Any, Any],
        position_ids: Tensor | None,
        call: StackCall,
        prefix: Prefix | None = None,
        *,
        sum_embeds: Tensor | None = None,
        excise: bool = True,
    ) -> XModelOutput:
        """Run the model on whatever `embed` makes; `call` is completed with what stands in front of it.

        Args:
            embed: From the positions of the tokens, (b or 1, n), to the first hidden state, (b, n, d); it also takes
                what `Embeddings.finish` takes.
            size: Batch size and number of new tokens.
            position_ids: Positions of the tokens, (b, n), or None to count them.
            call: What is asked of the stack.
            prefix: What stands between memory tokens and tokens, or None.
            sum_embeds: Added to the embeddings, (b, n, e), or None.
            excise: Leave the prefix out of what is returned.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        cache, between = call.cache, self.between
        config, memory = self.config, self.stack.options.memory
        b, n = size
        if paddle.in_dynamic_mode():  # a graph that is traced leaves sizes open
            check_positions(position_ids, b, n)
            check_order(self.stack, call)
            check_memory(self.stack, b, call)
            context_width = config.cross_attn_dim_context or config.dim
            check_context(self.stack, b, call.context, call.context_mask, context_width)
            check_length(self.stack, b, n, call.attention_mask, cache)
            check_prefix(self.stack, b, n, call.prefix_len, cache)
            check_extras(self.stack, b, n, call)
            check_put_in(self.stack, b, n, call)
        check_condition(self.stack, b, n, call.condition, call.mems)
        if call.packed is not None or call.packed_context is not None:
            raise InputError(
                "flash_pack_seq_kwargs and flash_pack_seq_context_kwargs go together, and with models of tokens alone; "
                "leave them out"
            )
        gap = 0 if between is None else between.gap(cache)
        positions = token_positions(n, call.attention_mask, position_ids, cache, gap)
        around = {} if sum_embeds is None else {"sum_embeds": sum_embeds}
        held, front = prepended(cache), 0
        if prefix is not None or held is not None:
            check_alone(call)
        if prefix is not None:
            around["prepend_embeds"] = prefix.embeds
            front = sizes(prefix.embeds)[1]
        x = embed(positions, **around)  # (b, front + n, d)
        lead = 0 if self.memory_tokens is None or cache is not None else self.memory_tokens.count
        columns = None
        if between is not None and self.memory_tokens is not None:
            columns = between.columns(positions, call, lead, front)
            x = columns.filled(x, self.memory_tokens.weight, front)
            positions, call = columns.positions, columns.call(call, between)
        elif held is not None and call.attention_mask is not None:
            call = dataclasses.replace(call, attention_mask=joined(held, call.attention_mask))
        if prefix is not None:
            positions, call = prefix.in_front(positions, call)
        if self.memory_tokens is not None and lead:
            x = self.memory_tokens(x)
            call = dataclasses.replace(call, lead=lead)
        output = self.run_stack(x, positions, call)
        if columns is not None:
            return _model_output(output, columns.shown(lead, front, excise=excise), lead)
        keys = tokens_held(cache, memory)[1] + n
        if not excise:
            keys, front = keys + front + prepended_length(cache), 0
        return _model_output(output, Shown(lead + front, keys), lead)

    def run_stack(self, x: Tensor, tokens: Tensor, call: StackCall) -> StackOutput:
        """Run the layers; see `Stack.forward`."""
        output: StackOutput = self.stack(x, tokens, call)
        return output


class TokenBackbone(Backbone):
    """The body of a bare token model."""

    def build_backbone(self, options: StackOptions, *, type_vocab_size: int = 0) -> None:
        """Build embeddings, memory tokens and stack.

        Args:
            options: Everything they are built from.
            type_vocab_size: Number of token types; 0: none.
        """
        self.embeddings = TokenEmbeddings(options, type_vocab_size=type_vocab_size)
        sizes = options.extra_tokens.embed_num_tokens
        self.extra_embeddings = ExtraEmbeddings(sizes, self.embeddings_width) if sizes else None
        self.deep_embeddings = None
        if options.extra_tokens.ff_deep_embed and options.tokens is not None:
            layers = sum(layer.kind == "f" for layer in options.layers)
            self.deep_embeddings = DeepEmbeddings(options.tokens.num_tokens, layers, options.dim)
        self.build_body(options)

    def run(
        self,
        input_ids: Tensor | None,
        inputs_embeds: Tensor | None,
        position_ids: Tensor | None,
        call: StackCall,
        prefix: Prefix | None = None,
        *,
        sum_embeds: Tensor | None = None,
        embed_ids: Tensor | Mapping[str, Tensor] | None = None,
        excise: bool = True,
        **embedded: Any,
    ) -> XModelOutput:
        """Run the model on tokens.

        Args:
            input_ids: Token ids, (b, n), or None.
            inputs_embeds: Token embeddings, (b, n, e), or None.
            position_ids: Positions of the tokens, (b, n), or None to count them.
            call: What is asked of the stack.
            prefix: What stands between memory tokens and tokens.
            sum_embeds: Added to the embeddings, (b, n, e), or None.
            embed_ids: Further ids of each token, (b, n, k), or (b, n) by name, or None.
            excise: Leave the prefix out of what is returned.
            **embedded: What else goes into the embedding.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        size = check_tokens(input_ids, inputs_embeds, self.embeddings_width)
        if call.packed is not None:
            if prefix is not None or embed_ids is not None:
                raise InputError("prepend_embeds and embed_ids do not go with flash_pack_seq_kwargs; leave one out")
            check_packed(call, size[0])
            own = segments_of(call.packed, "flash_pack_seq_kwargs", "q", size[1])
            if any(value is not None and not isinstance(value, Tensor) for value in embedded.values()):
                raise InputError("token_emb_kwargs does not go with flash_pack_seq_kwargs; leave one out")
            inner: dict[str, Any] = {name: own.unpacked(value) for name, value in embedded.items()}
            output = self.run(
                own.unpacked(input_ids),
                own.unpacked(inputs_embeds),
                own.unpacked(position_ids),
                unpacked_call(call, own),
                sum_embeds=own.unpacked(sum_embeds),
                **inner,
            )
            return packed_output(output, own, size[1])
        if paddle.in_dynamic_mode():
            check_types(embedded.get("token_type_ids"), getattr(self.config, "type_vocab_size", 0), *size)
        if paddle.in_dynamic_mode():
            check_added(self.embeddings_width, sum_embeds, *size)
        sum_embeds = self.added(embed_ids, sum_embeds, size)
        if self.deep_embeddings is not None:
            if input_ids is None:
                raise InputError(
                    "ff_deep_embed=True looks factors up by token ids, which inputs_embeds do not tell; give "
                    "input_ids, and what is added to their embeddings as sum_embeds"
                )
            call = dataclasses.replace(call, deep_embeds=self.deep_embeddings(input_ids))
        return self.run_body(
            lambda positions, **around: self.embeddings(input_ids, positions, inputs_embeds, **embedded, **around),
            size,
            position_ids,
            call,
            prefix,
            sum_embeds=sum_embeds,
            excise=excise,
        )

    def added(self, embed_ids: Any, sum_embeds: Tensor | None, size: Any) -> Tensor | None:
        """Return all that is added to the embeddings of tokens, (b or 1, n or 1, e), or None.

        Args:
            embed_ids: Further ids of each token, or None.
            sum_embeds: Vectors of the caller's, (b, n, e), or None.
            size: Batch size and number of new tokens.
        """
        names = () if self.extra_embeddings is None else self.extra_embeddings.names
        ids = stacked_ids(embed_ids, names, *size)
        if self.extra_embeddings is None:
            return sum_embeds
        extra: Tensor = self.extra_embeddings(ids)
        return extra if sum_embeds is None else extra + sum_embeds.astype(extra.dtype)


def _model_output(output: StackOutput, shown: Shown, memory: int) -> XModelOutput:
    """Leave memory tokens, and what else is no token, out of what the caller sees.

    Args:
        output: What the stack gave back.
        shown: What is shown.
        memory: Number of memory tokens in front of everything else.
    """
    return XModelOutput(
        last_hidden_state=shown.rows(output.hidden),
        past_key_values=output.cache,
        hidden_states=tuple(map(shown.rows, output.hidden_states)) or None,
        attentions=tuple(map(shown.square, output.attentions)) or None,
        cross_attentions=tuple(shown.rows(weights, 2) for weights in output.cross_attentions) or None,
        mems=output.mems,
        intermediates=tuple(record.of_tokens(shown) for record in output.records) or None,
        memory_states=output.hidden[:, :memory] if output.records and memory else None,
        gumbel_log_probs=tuple(shown.rows(chances, 2) for chances in output.log_probs) or None,
        loop_states=tuple(map(shown.rows, output.loops)) or None,
        exit_logits=None if output.exit_logits is None else shown.rows(output.exit_logits),
    )
