"""AutoregressiveWrapper: the loss of a language model, and generation."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import paddle
from paddle import Tensor, nn

from ..errors import ConfigError, InputError
from ..models.losses import IGNORED, loss_of_loops, token_loss
from ..models.put_in import taken_from
from .base import evaluating
from .keywords import refuse_arguments
from .outputs import mems_to_model
from .sampling import sampling_settings
from .transformer import TransformerWrapper

# Arguments with an axis of tokens behind the batch, which the loss cuts as it cuts the tokens.
_PER_TOKEN = ("mask", "self_attn_kv_mask", "sum_embeds")
_NOT_TAKEN = {
    "amateur_model": "contrastive decoding is not here",
    "return_intermediates": "it gives tokens only",
    "restrict_to_max_seq_len": "prompt and new tokens together always keep to max_seq_len",
    "attn_mask": "give mask, which tells padding",
}


class AutoregressiveWrapper(nn.Layer):
    """Trains a language model to predict the next token, and lets it continue prompts.

    Args:
        net: A TransformerWrapper around a Decoder.
        ignore_index: Id in a batch that is no target; the model reads `pad_value` there.
        pad_value: Id of padding; stands behind the end token in generated rows.
        mask_prob: Share of the tokens hidden from self attention in a training step (2210.13432).
        looped_loss_threshold_exit: In place of that of a looped model.
        looped_loss_slope: Likewise.
        looped_exit_loss_weight: Likewise.

    Raises:
        ConfigError: If the model is none that predicts next tokens, or mask_prob is not in [0, 1).
    """

    def __init__(
        self,
        net: TransformerWrapper,
        ignore_index: int = -100,
        pad_value: int = 0,
        mask_prob: float = 0.0,
        *,
        looped_loss_threshold_exit: float | None = None,
        looped_loss_slope: float | None = None,
        looped_exit_loss_weight: float | None = None,
    ) -> None:
        super().__init__()
        if not isinstance(net, TransformerWrapper) or not net.config.causal or net.return_only_embed:
            raise ConfigError(
                "net of AutoregressiveWrapper must predict next tokens; give a TransformerWrapper around a Decoder, "
                "with a head (return_only_embed=False)"
            )
        if not 0 <= mask_prob < 1:
            raise ConfigError(f"mask_prob={mask_prob} is not allowed; give a share of at least 0 and less than 1")
        rounds = net.model.base_model.stack.options.rounds
        given = {
            "looped_loss_threshold_exit": looped_loss_threshold_exit,
            "looped_loss_slope": looped_loss_slope,
            "looped_exit_loss_weight": looped_exit_loss_weight,
        }
        given = {name: value for name, value in given.items() if value is not None}
        if given and not rounds.looped:
            raise ConfigError(f"{next(iter(given))} has no effect while looped=False of net; set it or leave this out")
        self.rounds = dataclasses.replace(rounds, **given)
        self.net = net
        self.ignore_index = ignore_index
        self.pad_value = pad_value
        self.mask_prob = mask_prob

    @property
    def max_seq_len(self) -> int:
        """Longest sequence."""
        return self.net.max_seq_len

    def forward(self, x: Tensor, **kwargs: Any) -> Tensor:
        """Return the mean cross entropy of every token given those before it.

        Args:
            x: Token ids, (b, n + 1), n at most max_seq_len; `ignore_index` marks what is no target.
            **kwargs: Arguments of the model's call; masks cover x, or x without its last token.

        Returns:
            The loss, a scalar.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        n = x.shape[1] - 1
        if n < 1:
            raise InputError(f"x has shape {list(x.shape)}; give at least 2 tokens, the first to predict the second")
        given = {name: _cut(name, value, n) for name, value in kwargs.items()}
        ids, targets = x[:, :-1], x[:, 1:]
        ids = paddle.where(ids == self.ignore_index, paddle.full_like(ids, self.pad_value), ids)
        targets = paddle.where(targets == self.ignore_index, paddle.full_like(targets, IGNORED), targets)
        if self.mask_prob and self.training:
            given["self_attn_kv_mask"] = self._hidden(ids, given.get("self_attn_kv_mask"))
        if self.rounds.looped:
            _, loops = self.net(ids, **{**given, "excise_prepend_embeds": True}, looped_pred_all_logits=True)
            return loss_of_loops(loops[0], targets, loops[1], self.rounds)
        return token_loss(self.net(ids, **{**given, "excise_prepend_embeds": True}), targets)

    def _hidden(self, ids: Tensor, known: Tensor | None) -> Tensor:
        """Hide a share of the tokens, never the first of a row: (b, n), true for what may be seen."""
        b, n = ids.shape
        draw = paddle.rand([b, n])
        draw[:, 0] = 2.0
        ranks = draw.argsort(axis=-1).argsort(axis=-1)
        seen = ranks >= min(int(n * self.mask_prob), n - 1)
        return seen if known is None else paddle.logical_and(seen, known > 0)

    def generate(
        self,
        prompts: Tensor | list[Tensor],
        seq_len: int,
        eos_token: int | None = None,
        temperature: float = 1.0,
        filter_logits_fn: str | Callable[..., Tensor] = "top_k",
        filter_thres: float | None = None,
        filter_kwargs: Mapping[str, Any] | None = None,
        cache_kv: bool = True,
        *,
        prompt_lens: Tensor | None = None,
        mask: Tensor | None = None,
        context: Tensor | None = None,
        context_mask: Tensor | None = None,
        mems: Any = None,
        condition: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        recycle_steps: int | None = None,
        looped_steps: int | None = None,
        **others: Any,
    ) -> Tensor:
        """Continue prompts by sampling.

        Args:
            prompts: Token ids, (n) or (b, n), or a list of prompts of different lengths.
            seq_len: Number of new tokens.
            eos_token: Id that ends a row; `pad_value` follows it.
            temperature: Divides the logits; 0 takes the most likely token.
            filter_logits_fn: What is kept of the logits: "top_k", "top_p", or a function of logits, (b, v), that
                returns logits, with minus infinity for what is not kept.
            filter_thres: As in the old port: the share 1 - filter_thres of the tokens (top_k) or of the probability
                (top_p) is kept.
            filter_kwargs: Arguments of the filter: k or frac_num_tokens (0.1) for top_k, thres (0.9) for top_p.
            cache_kv: Keep keys and values.
            prompt_lens: Length of each prompt, (b), where padding follows.
            mask: Which tokens of the prompts are no padding, (b, n).
            context: What cross attention looks at, (b, m, c).
            context_mask: Which of it is no padding, (b, m).
            mems: Mems of the segment before.
            condition: What adaptive norms and scales depend on, (b, dim_condition), or (b, n + seq_len, dim_condition).
            prepend_embeds: Vectors in front of the prompts, (b, p, emb_dim).
            prepend_mask: Which of them are no padding, (b, p).
            recycle_steps: How often the layers run (needs recycling).
            looped_steps: Likewise (needs looped).
            **others: What is put into layers, by the names of `paddle_xformers.models.put_in.PUT_IN`, for all tokens
                that there will be; others of x-transformers are refused, each with the reason.

        Returns:
            The new tokens, (seq_len) or (b, seq_len); fewer if every row has ended.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        inside, others = taken_from(others)
        refuse_arguments("generate", others, self.generate, _NOT_TAKEN)
        if isinstance(prompts, list):
            prompts, prompt_lens = _padded(prompts, prompt_lens, self.pad_value)
        single = prompts.ndim == 1
        ids = prompts.unsqueeze(0) if single else prompts
        if prompt_lens is not None:
            ids, mask = _aligned(ids, prompt_lens)
        settings = sampling_settings(temperature, filter_logits_fn, filter_thres, filter_kwargs, self.net.num_tokens)
        with evaluating(self.net):
            tokens, _ = self.net.model.generate(
                ids,
                max_new_tokens=seq_len,
                attention_mask=(paddle.ones_like(ids) if mask is None else mask).astype("int64"),
                encoder_hidden_states=context,
                encoder_attention_mask=context_mask,
                mems=mems_to_model(mems),
                condition=condition,
                prepend_embeds=prepend_embeds,
                prepend_mask=prepend_mask,
                recycle_steps=recycle_steps,
                looped_steps=looped_steps,
                use_cache=cache_kv,
                eos_token_id=eos_token,
                pad_token_id=self.pad_value,
                **inside,
                **settings,
            )
        return tokens[0] if single else tokens


def _cut(name: str, value: Any, n: int) -> Any:
    """Leave the last token out of an argument that covers it."""
    if value is None or not isinstance(value, Tensor):
        return value
    if name in _PER_TOKEN and value.shape[1] == n + 1:
        return value[:, :-1]
    if name in ("condition", "in_attn_cond", "self_attn_kv_residuals") and value.ndim > 2 and value.shape[-2] == n + 1:
        return value[..., :-1, :]
    if name == "pos" and value.shape[-1] == n + 1:
        return value[..., :-1]
    if name == "attn_mask" and list(value.shape[-2:]) == [n + 1, n + 1]:
        return value[..., :-1, :-1]
    return value


def _padded(prompts: list[Tensor], lengths: Tensor | None, pad_value: int) -> tuple[Tensor, Tensor]:
    """Prompts of different lengths, padded on the right, and their lengths."""
    if not prompts or lengths is not None:
        raise InputError("a list of prompts must hold at least one and needs no prompt_lens; leave prompt_lens out")
    longest = max(prompt.shape[0] for prompt in prompts)
    rows = [
        paddle.concat([prompt, paddle.full([longest - prompt.shape[0]], pad_value, dtype=prompt.dtype)])
        for prompt in prompts
    ]
    return paddle.stack(rows), paddle.to_tensor([prompt.shape[0] for prompt in prompts])


def _aligned(ids: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
    """Move padding from the right of each row to its left; return ids and mask."""
    n = ids.shape[1]
    places = paddle.arange(n) - (n - lengths.unsqueeze(-1))  # (b, n)
    mask = places >= 0
    return paddle.take_along_axis(ids, places % n, axis=1), mask
