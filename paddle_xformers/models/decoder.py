"""The causal decoder: XDecoderModel and XDecoderForCausalLM."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from .._compat import import_paddlenlp
from ..errors import InputError
from ..nn.attention.cache import cache_length
from ..nn.calls import StackCall, StackOutput
from ..nn.embeddings import TokenEmbeddings
from ..nn.memory import MemoryTokens
from ..nn.places import token_positions
from ..nn.stack import Stack
from .configuration import XDecoderConfig
from .generate import CausalGeneration
from .outputs import XCausalLMOutput, XModelOutput
from .pretrained import LMHead, XPretrainedModel

import_paddlenlp()

from paddlenlp.transformers.model_utils import register_base_model  # noqa: E402


class XDecoderPretrainedModel(XPretrainedModel):
    """Base of the decoder family."""

    config_class = XDecoderConfig
    base_model_prefix = "xdecoder"
    _tied_weights_keys = ["lm_head.weight"]


@register_base_model
class XDecoderModel(XDecoderPretrainedModel):
    """The decoder without a head: token ids to hidden states.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XDecoderConfig) -> None:
        super().__init__(config)
        options = config.stack_options()
        self.embeddings = TokenEmbeddings(options.model, options.embedding, options.position)
        count = options.memory.num_memory_tokens
        self.memory_tokens = MemoryTokens(count, options.dim) if count else None
        self.stack = Stack(options)

    def forward(
        self,
        input_ids: Tensor | None = None,
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
    ) -> XModelOutput | tuple[Any, ...]:
        """Run the decoder.

        Args:
            input_ids: Token ids, (b, n); with `past_key_values` only the new ones.
            attention_mask: (b, all), (b, n, all) or (b or 1, heads or 1, n, all), where all counts past and new tokens;
                int or bool: attend where > 0; float: added to the scores. Two axes tell padding, on either side.
            position_ids: Positions of the tokens, (b, n); by default they count the tokens of the mask.
            inputs_embeds: Token embeddings in place of ids, (b, n, emb_dim).
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

        Returns:
            The last hidden state, (b, n, d), and what was asked for.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        config = self.config
        n = self._check(input_ids, inputs_embeds, past_key_values, mems, encoder_hidden_states, return_mems)
        self._check_length(n, attention_mask, past_key_values)
        positions = token_positions(n, attention_mask, position_ids, past_key_values)
        x = self.embeddings(input_ids, positions, inputs_embeds)
        lead = 0
        if self.memory_tokens is not None and past_key_values is None:
            x, lead = self.memory_tokens(x), self.memory_tokens.count
        call = StackCall(
            attention_mask=attention_mask,
            cache=past_key_values,
            mems=mems,
            context=encoder_hidden_states,
            context_mask=encoder_attention_mask,
            lead=lead,
            use_cache=config.use_cache if use_cache is None else use_cache,
            output_attentions=config.output_attentions if output_attentions is None else output_attentions,
            output_hidden_states=config.output_hidden_states if output_hidden_states is None else output_hidden_states,
            return_mems=return_mems,
        )
        output = _model_output(self.stack(x, positions, call), lead, n)
        return output if (config.return_dict if return_dict is None else return_dict) else output.to_tuple()

    def _check(self, input_ids, inputs_embeds, past, mems, context, return_mems) -> int:
        """Refuse arguments that contradict each other or the configuration; return the number of new tokens."""
        if (input_ids is None) == (inputs_embeds is None):
            raise InputError("give either input_ids or inputs_embeds, one and not both")
        given, name, axes = (
            (input_ids, "input_ids", 2) if inputs_embeds is None else (inputs_embeds, "inputs_embeds", 3)
        )
        if given.ndim != axes or given.shape[1] == 0:
            raise InputError(
                f"{name} has shape {list(given.shape)}; give (batch, length{', emb_dim' * (axes == 3)}), length >= 1"
            )
        if input_ids is not None and input_ids.dtype not in (paddle.int64, paddle.int32):
            raise InputError(f"input_ids has dtype {input_ids.dtype}; token ids are int64 or int32")
        if (mems is not None or return_mems) and not self.config.max_mem_len:
            raise InputError("mems and return_mems need max_mem_len > 0 in the configuration, but max_mem_len=0")
        if mems is not None and past is not None:
            raise InputError("give mems only with the first call of a segment: past_key_values already holds them")
        if context is not None and not self.stack.options.has_cross_attention:
            raise InputError("encoder_hidden_states has no effect while cross_attend=False; set it or leave them out")
        return given.shape[1]

    def _check_length(self, n: int, attention_mask: Tensor | None, past: tuple[Any, ...] | None) -> None:
        limit, config = self.config.max_seq_len, self.config
        beside = (config.num_memory_tokens, config.num_memory_tokens + config.max_mem_len)
        before = cache_length(past)
        # Mems in the cache are not counted as tokens; how many there are is known only up to max_mem_len.
        fewest, most = max(before - beside[1], 0) + n, max(before - beside[0], 0) + n
        if limit and fewest > limit:
            raise InputError(
                f"{fewest} tokens (past and new) are more than max_seq_len={limit}; shorten the input, or raise "
                "max_seq_len in the configuration if the position scheme allows it"
            )
        if attention_mask is None or not paddle.in_dynamic_mode():
            return
        keys = attention_mask.shape[-1]
        if not fewest <= keys <= most:
            raise InputError(
                f"attention_mask covers {keys} tokens, but there are {most}: {most - n} in past_key_values and {n} new "
                "ones; with a cache pass only the new tokens, and a mask over past and new ones"
            )


class XDecoderForCausalLM(CausalGeneration, XDecoderPretrainedModel):
    """The decoder with a language model head.

    Args:
        config: The configuration.

    Raises:
        ConfigError: If no model can be built from the configuration.
    """

    def __init__(self, config: XDecoderConfig) -> None:
        super().__init__(config)
        self.xdecoder = XDecoderModel(config)
        scale = 1.0
        if config.tie_word_embeddings:
            scale = config.tie_embedding_scale or config.dim**-0.5
        self.lm_head = LMHead(config.dim, config.num_tokens, bias=config.logits_bias, scale=scale)
        self.tie_weights()

    def forward(
        self,
        input_ids: Tensor | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        inputs_embeds: Tensor | None = None,
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
    ) -> XCausalLMOutput | tuple[Any, ...] | Tensor:
        """Predict the next token at every place.

        Args:
            input_ids: As in `XDecoderModel.forward`, like all that are not named here.
            attention_mask: Likewise.
            position_ids: Likewise.
            inputs_embeds: Likewise.
            labels: Target ids, (b, n), not shifted; -100 is left out of the loss.
            past_key_values: As in `XDecoderModel.forward`.
            mems: Likewise.
            encoder_hidden_states: Likewise.
            encoder_attention_mask: Likewise.
            use_cache: Likewise.
            return_mems: Likewise.
            output_attentions: Likewise.
            output_hidden_states: Likewise.
            return_dict: Likewise.

        Returns:
            An XCausalLMOutput, or a tuple of its values that are not None: the mean loss if there are labels, the
            logits (b, n, v), and what was asked for. A tuple of the logits alone is returned as the bare tensor.

        Raises:
            InputError: If an argument does not fit the model or the other arguments.
        """
        hidden = self.xdecoder(
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
        )
        logits = self.lm_head(hidden.last_hidden_state)  # (b, n, v)
        output = XCausalLMOutput(
            loss=None if labels is None else next_token_loss(logits, labels),
            logits=logits,
            past_key_values=hidden.past_key_values,
            hidden_states=hidden.hidden_states,
            attentions=hidden.attentions,
            cross_attentions=hidden.cross_attentions,
            mems=hidden.mems,
        )
        if self.config.return_dict if return_dict is None else return_dict:
            return output
        values = output.to_tuple()
        return values[0] if len(values) == 1 else values


def next_token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of each place against the label of the next place.

    Args:
        logits: (b, n, v).
        labels: (b, n); -100 is left out.

    Raises:
        InputError: If the shapes differ.
    """
    if list(labels.shape) != list(logits.shape[:2]):
        raise InputError(f"labels has shape {list(labels.shape)}, but must have that of the tokens, {logits.shape[:2]}")
    # Shift the labels rather than the logits: they are smaller.
    nothing = paddle.full([labels.shape[0], 1], -100, dtype=labels.dtype)
    targets = paddle.concat([labels[:, 1:], nothing], axis=1)
    return F.cross_entropy(logits.astype("float32"), targets, ignore_index=-100)


def _model_output(output: StackOutput, lead: int, n: int) -> XModelOutput:
    """Leave memory tokens, and what else stands in front of the tokens, out of what the caller sees."""

    def tokens_only(states: Tensor) -> Tensor:
        return states[:, lead:] if lead else states

    # With a cache all keys are tokens (or memory that an earlier call put there): left as they are.
    attentions = [weights[:, :, lead:, -n:] if lead else weights for weights in output.attentions]
    crossed = [weights[:, :, lead:] if lead else weights for weights in output.cross_attentions]
    return XModelOutput(
        last_hidden_state=tokens_only(output.hidden),
        past_key_values=output.cache,
        hidden_states=tuple(map(tokens_only, output.hidden_states)) or None,
        attentions=tuple(attentions) or None,
        cross_attentions=tuple(crossed) or None,
        mems=output.mems,
    )
