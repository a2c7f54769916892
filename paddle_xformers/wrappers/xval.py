"""XValTransformerWrapper and XValAutoregressiveWrapper: numbers among tokens (2310.02989)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import paddle
from paddle import Tensor, nn

from ..config import schema
from ..errors import ConfigError, InputError
from ..models import XValConfig, XValForCausalLM
from ..models.losses import IGNORED
from ..models.put_in import taken_from
from .base import ModelWrapper, adopt_stack, check_layers, evaluating
from .keywords import OF_LAYERS, STACK_KEYWORDS, accepted, keywords_around_stack, refuse_arguments
from .masks import combine_masks, left_padding
from .outputs import Mems, attention_layers, mems_from_model, mems_to_model
from .sampling import sampling_settings
from .stacks import AttentionLayers, Decoder

_NOT_TAKEN = {
    "cache": "XValAutoregressiveWrapper.generate keeps keys and values by itself, and so does "
    ".model(past_key_values=...)",
    "return_intermediates": "ask for return_attn or return_mems, or call .model(output_hidden_states=True)",
}


class LossBreakdown(NamedTuple):
    """The two parts of a loss, means over the tokens that have a target.

    Attributes:
        cross_entropy_loss: That of the tokens.
        numerical_mse_loss: That of the numbers, without its weight.
    """

    cross_entropy_loss: Tensor
    numerical_mse_loss: Tensor


class GenerateReturn(NamedTuple):
    """What `XValAutoregressiveWrapper.generate` gives, (b, seq_len) each.

    Attributes:
        sampled_token_ids: The new tokens.
        sampled_numbers: Their numbers; nan at those that stand for none.
        is_number_mask: Which of them stand for one.
    """

    sampled_token_ids: Tensor
    sampled_numbers: Tensor
    is_number_mask: Tensor


class XValTransformerWrapper(ModelWrapper):
    """A language model with numbers among its tokens; holds an XValForCausalLM as `model`, with the layers given to it.

    Args:
        num_tokens: Size of the vocabulary.
        max_seq_len: Longest sequence.
        numerical_token_id: The token that stands for every number.
        attn_layers: The layers, a Decoder.
        logits_dim: None, or num_tokens.
        **options: Fields around the layers, in any spelling (emb_dropout, tie_embedding, num_memory_tokens,
            max_mem_len, use_abs_pos_emb, ...); see docs/keyword-style.md.

    Raises:
        ConfigError: If a keyword is not known, or no model can be built from the values.
    """

    def __init__(
        self,
        *,
        num_tokens: int,
        max_seq_len: int,
        numerical_token_id: int,
        attn_layers: AttentionLayers,
        logits_dim: int | None = None,
        **options: Any,
    ) -> None:
        super().__init__()
        name = "XValTransformerWrapper"
        check_layers(name, attn_layers, Decoder, "a Decoder(...): each place predicts the next token")
        if logits_dim not in (None, num_tokens):
            raise ConfigError(
                f"logits_dim={logits_dim} differs from num_tokens={num_tokens}, but logits are scores of the tokens; "
                "leave it out"
            )
        around = keywords_around_stack(XValConfig.fields())
        elsewhere = {
            **dict.fromkeys(keywords_around_stack(schema()), "it is for other families; leave it out"),
            **dict.fromkeys(STACK_KEYWORDS, OF_LAYERS),
        }
        options = accepted(name, options, around, elsewhere)
        tied = options.get("tie_embedding", options.get("tie_word_embeddings", False))
        own = {"num_tokens": num_tokens, "max_seq_len": max_seq_len, "numerical_token_id": numerical_token_id}
        options = {"logits_bias": not tied, **own, **options}
        self.model = XValForCausalLM(XValConfig(**{**attn_layers.keywords, **options}))
        adopt_stack(self.model.base_model.stack, attn_layers.stack)

    @property
    def max_seq_len(self) -> int:
        """Longest sequence."""
        return int(self.config.max_seq_len)

    def forward(
        self,
        x: Tensor,
        x_num: Tensor,
        return_embeddings: bool = False,
        return_mems: bool = False,
        mask: Tensor | None = None,
        return_attn: bool = False,
        mems: Mems | None = None,
        *,
        attn_mask: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        condition: Tensor | None = None,
        pos: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        seq_start_pos: Tensor | None = None,
        self_attn_kv_mask: Tensor | None = None,
        attn_bias: Tensor | None = None,
        **others: Any,
    ) -> Any:
        """Run the model.

        Args:
            x: Token ids, (b, n).
            x_num: The numbers, (b, n); what stands at other tokens has no effect.
            return_embeddings: Return hidden states in place of logits and numbers.
            return_mems: Return mems for the next segment, too (needs max_mem_len).
            mask: Which tokens are no padding, (b, n).
            return_attn: Return the weights of every attention layer, too.
            mems: Mems of the segment before.
            attn_mask: Who may look at whom, (n, n), (h, n, n) or (b, h, n, n).
            context: What cross attention looks at, (b, m, c).
            context_mask: Which of it is no padding, (b, m).
            condition: What adaptive norms and scales depend on, (b, dim_condition) or (b, n, dim_condition).
            pos: Positions of the tokens, (n) or (b, n); by default they count the tokens of the mask.
            prepend_embeds: Put in front of the tokens, (b, p, emb_dim); masks do not cover them, and what is returned
                does.
            seq_start_pos: Index of the first token of each row, (b), where padding stands on the left.
            self_attn_kv_mask: Which tokens may be looked at, (b, n), beside `mask`.
            attn_bias: Added to the scores of self attention, up to (b, h, n, n).
            **others: What is put into layers, by the names of `paddle_xformers.models.put_in.PUT_IN`; others of
                x-transformers are refused, each with the reason.

        Returns:
            A pair of logits, (b, n, v), and numbers, (b, n); or hidden states, (b, n, d). With `return_mems` or
            `return_attn` a pair of that and the mems, or a list of weights, (b, h, n, m) each.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments("XValTransformerWrapper", others, self.forward, _NOT_TAKEN)
        if return_mems and return_attn:
            raise InputError(
                "return_mems and return_attn exclude each other; ask for one, and call again for the other"
            )
        mask = left_padding(mask, seq_start_pos, x.shape[1])
        attention_mask, positions = combine_masks(mask, attn_mask, pos)
        output = (self.model.base_model if return_embeddings else self.model)(
            x,
            x_num,
            attention_mask=attention_mask,
            position_ids=positions,
            prepend_embeds=prepend_embeds,
            excise_prepend_embeds=False,
            mems=mems_to_model(mems),
            encoder_hidden_states=context,
            encoder_attention_mask=context_mask,
            condition=condition,
            return_mems=return_mems,
            self_attn_kv_mask=self_attn_kv_mask,
            attn_bias=attn_bias,
            **inside,
            output_attentions=return_attn,
            return_dict=True,
        )
        result = output.last_hidden_state if return_embeddings else (output.logits, output.numbers)
        if return_mems:
            return result, mems_from_model(output.mems)
        if return_attn:
            layers = attention_layers(self.model.base_model.stack, output)
            return result, [layer.post_softmax_attn for layer in layers]
        return result


class XValAutoregressiveWrapper(nn.Layer):
    """Trains a model to predict the next token and its number, and lets it continue prompts.

    Args:
        net: An XValTransformerWrapper.
        ignore_index: Id in a batch that is no target; the model reads `pad_value` there.
        pad_value: Id of padding.
        numerical_loss_weight: Factor on the squared error of numbers; None: that of the model's configuration, 1 by
            default.

    Raises:
        ConfigError: If the model is none that predicts numbers.
    """

    def __init__(
        self,
        net: XValTransformerWrapper,
        ignore_index: int = -100,
        pad_value: int = 0,
        numerical_loss_weight: float | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(net, XValTransformerWrapper):
            raise ConfigError(
                f"net of XValAutoregressiveWrapper is a {type(net).__name__}; give an XValTransformerWrapper"
            )
        if numerical_loss_weight is not None:
            net.config.numerical_loss_weight = numerical_loss_weight
            net.config.validate()
        self.net = net
        self.ignore_index = ignore_index
        self.pad_value = pad_value

    @property
    def max_seq_len(self) -> int:
        """Longest sequence."""
        return self.net.max_seq_len

    def forward(
        self,
        x: Tensor,
        x_num: Tensor,
        return_loss_breakdown: bool = False,
        *,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        condition: Tensor | None = None,
        **others: Any,
    ) -> Tensor | tuple[Tensor, LossBreakdown]:
        """Return the mean loss of every token and number given those before them.

        Args:
            x: Token ids, (b, n), n at most max_seq_len; `ignore_index` marks what is no target.
            x_num: The numbers, (b, n); what stands at other tokens has no effect.
            return_loss_breakdown: Return its two parts, too.
            mask: Which tokens are no padding, (b, n): padding is no target.
            context: What cross attention looks at, (b, m, c).
            context_mask: Which of it is no padding, (b, m).
            condition: What adaptive norms and scales depend on, (b, dim_condition) or (b, n, dim_condition).
            **others: What is put into layers, by the names of `paddle_xformers.models.put_in.PUT_IN`; others of
                x-transformers are refused, each with the reason.

        Returns:
            The loss, a scalar, or a pair of it and its parts.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments("XValAutoregressiveWrapper", others, self.forward, _NOT_TAKEN)
        if x.shape[1] < 2:
            raise InputError(f"x has shape {list(x.shape)}; give at least 2 tokens, the first to predict the second")
        ignored = x == self.ignore_index
        labels = paddle.where(ignored, paddle.full_like(x, IGNORED), x)
        if mask is not None:
            labels = paddle.where(mask > 0, labels, paddle.full_like(labels, IGNORED))
        output = self.net.model(
            paddle.where(ignored, paddle.full_like(x, self.pad_value), x),
            x_num,
            attention_mask=mask,
            encoder_hidden_states=context,
            encoder_attention_mask=context_mask,
            condition=condition,
            labels=labels,
            **inside,
            return_loss_breakdown=True,
            return_dict=True,
        )
        if not return_loss_breakdown:
            return output.loss
        return output.loss, LossBreakdown(output.token_loss, output.number_loss)

    def generate(
        self,
        start_tokens: Tensor,
        start_numbers: Tensor,
        seq_len: int,
        filter_logits_fn: str | Callable[..., Tensor] = "top_k",
        filter_kwargs: Mapping[str, Any] | None = None,
        temperature: float = 1.0,
        *,
        cache_kv: bool = True,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        mems: Any = None,
        condition: Tensor | None = None,
        **others: Any,
    ) -> GenerateReturn:
        """Continue prompts by sampling.

        Args:
            start_tokens: Token ids, (b, n).
            start_numbers: Their numbers, (b, n).
            seq_len: Number of new tokens.
            filter_logits_fn: What is kept of the logits: "top_k", "top_p", or a function of logits, (b, v), that
                returns logits, with minus infinity for what is not kept.
            filter_kwargs: Arguments of the filter: k or frac_num_tokens (0.1) for top_k, thres (0.9) for top_p.
            temperature: Divides the logits; 0 takes the most likely token.
            cache_kv: Keep keys and values.
            mask: Which tokens of the prompts are no padding, (b, n).
            context: What cross attention looks at, (b, m, c).
            context_mask: Which of it is no padding, (b, m).
            mems: Mems of the segment before.
            condition: What adaptive norms and scales depend on, (b, dim_condition), or (b, n + seq_len, dim_condition).
            **others: As in a call, for all tokens that there will be.

        Returns:
            The new tokens, their numbers, and which of them stand for one.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments("generate", others, self.generate, _NOT_TAKEN)
        config = self.net.config
        settings = sampling_settings(temperature, filter_logits_fn, None, filter_kwargs, config.num_tokens)
        with evaluating(self.net):
            ids, _, numbers = self.net.model.generate(
                start_tokens,
                input_numbers=start_numbers,
                max_new_tokens=seq_len,
                attention_mask=(paddle.ones_like(start_tokens) if mask is None else mask).astype("int64"),
                encoder_hidden_states=context,
                encoder_attention_mask=context_mask,
                mems=mems_to_model(mems),
                condition=condition,
                use_cache=cache_kv,
                eos_token_id=None,
                pad_token_id=self.pad_value,
                **inside,
                **settings,
            )
        return GenerateReturn(ids, numbers, ids == config.numerical_token_id)
