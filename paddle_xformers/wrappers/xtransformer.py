"""XTransformer: an encoder and a decoder that looks at it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import paddle
from paddle import Tensor

from ..config import schema
from ..errors import ConfigError, InputError
from ..models import XSeq2SeqConfig, XSeq2SeqForConditionalGeneration
from .base import ModelWrapper, evaluating
from .keywords import accepted, refuse_arguments, spelt
from .masks import combine_masks
from .sampling import sampling_settings

_PREFIXES = ("enc_", "dec_")
_NEEDED = ("num_tokens", "max_seq_len", "depth")
_NOT_TAKEN = {
    "src_prepend_embeds": "call .model.generate(...) with what the encoder gave",
    "amateur_model": "contrastive decoding is not here",
    "return_intermediates": "it gives tokens only",
    "prompt_lens": "what the targets begin with must have one length",
}


class XTransformer(ModelWrapper):
    """An encoder-decoder; holds an XSeq2SeqForConditionalGeneration as `model`.

    Args:
        dim: Width of the residual streams.
        tie_token_emb: Encoder and decoder have one token embedding.
        ignore_index: Id in a target that is not to be predicted; the decoder reads `pad_value` there.
        pad_value: Id of padding; stands behind the end token in generated rows.
        **options: Fields of the encoder behind `enc_` and of the decoder behind `dec_`, in any spelling
            (enc_num_tokens, enc_max_seq_len, enc_depth, enc_heads, ...), and cross_attn_tokens_dropout; see
            docs/keyword-style.md.

    Raises:
        ConfigError: If a keyword is not known, or no model can be built from the values.
    """

    def __init__(
        self, *, dim: int, tie_token_emb: bool = False, ignore_index: int = -100, pad_value: int = 0, **options: Any
    ) -> None:
        super().__init__()
        whole = {name for name in XSeq2SeqConfig.fields() if not name.startswith(_PREFIXES)}
        parts = spelt(schema())
        known = whole | {prefix + name for prefix in _PREFIXES for name in parts}
        elsewhere = {name: f"say whose it is: enc_{name} or dec_{name}" for name in parts - whole}
        options = accepted("XTransformer", options, known, elsewhere)
        for prefix in _PREFIXES:
            for name in _NEEDED:
                if prefix + name not in options and not (name == "depth" and prefix + "custom_layers" in options):
                    raise ConfigError(f"XTransformer got no {prefix}{name}; give a number of at least 1")
        self.model = XSeq2SeqForConditionalGeneration(
            XSeq2SeqConfig(
                dim=dim, tie_token_emb=tie_token_emb, ignore_index=ignore_index, pad_token_id=pad_value, **options
            )
        )

    def forward(
        self,
        src: Tensor,
        tgt: Tensor,
        mask: Tensor | None = None,
        *,
        src_mask: Tensor | None = None,
        tgt_mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
        src_attn_mask: Tensor | None = None,
        src_prepend_embeds: Tensor | None = None,
        condition: Tensor | None = None,
        **others: Any,
    ) -> Tensor:
        """Return the mean cross entropy of every token of the target given the source and the tokens before it.

        Args:
            src: Token ids of the source, (b, m).
            tgt: Token ids of the target, (b, n + 1); `ignore_index` marks what is not to be predicted.
            mask: Which tokens of the source are no padding, (b, m).
            src_mask: The old port's name of `mask`.
            tgt_mask: Which tokens of the target are no padding, (b, n + 1) or, without the last, (b, n).
            attn_mask: Who may look at whom in the source, (m, m), (h, m, m) or (b, h, m, m).
            src_attn_mask: The old port's name of `attn_mask`.
            src_prepend_embeds: Vectors in front of the source, (b, p, dim); masks do not cover them.
            condition: What adaptive norms and scales of its parts depend on, (b, dim_condition).
            **others: Arguments of x-transformers that are refused, each with the reason.

        Returns:
            The loss, a scalar.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        refuse_arguments("XTransformer", others, self.forward, _NOT_TAKEN)
        if tgt.shape[1] < 2:
            raise InputError(
                f"tgt has shape {list(tgt.shape)}; give at least 2 tokens, the first to predict the second"
            )
        seen = _source_mask(mask, src_mask, attn_mask, src_attn_mask)
        if tgt_mask is not None and tgt_mask.shape[1] == tgt.shape[1]:
            tgt_mask = tgt_mask[:, :-1]
        read, config = tgt[:, :-1], self.config
        output = self.model(
            src,
            attention_mask=seen,
            decoder_input_ids=paddle.where(
                read == config.ignore_index, paddle.full_like(read, config.pad_token_id), read
            ),
            decoder_attention_mask=tgt_mask,
            labels=tgt[:, 1:],
            encoder_prepend_embeds=src_prepend_embeds,
            condition=condition,
            return_dict=True,
        )
        loss: Tensor = output.loss
        return loss

    def generate(
        self,
        seq_in: Tensor,
        seq_out_start: Tensor,
        seq_len: int,
        mask: Tensor | None = None,
        attn_mask: Tensor | None = None,
        *,
        src_mask: Tensor | None = None,
        src_attn_mask: Tensor | None = None,
        eos_token: int | None = None,
        temperature: float = 1.0,
        filter_logits_fn: str | Callable[..., Tensor] = "top_k",
        filter_thres: float | None = None,
        filter_kwargs: Mapping[str, Any] | None = None,
        cache_kv: bool = True,
        condition: Tensor | None = None,
        **others: Any,
    ) -> Tensor:
        """Write a target by sampling.

        Args:
            seq_in: Token ids of the source, (b, m).
            seq_out_start: What the target begins with, (n) or (b, n).
            seq_len: Number of new tokens.
            mask: As in a call, like all masks.
            attn_mask: Likewise.
            src_mask: Likewise.
            src_attn_mask: Likewise.
            eos_token: As in `AutoregressiveWrapper.generate`, like all that follow.
            temperature: Likewise.
            filter_logits_fn: Likewise.
            filter_thres: Likewise.
            filter_kwargs: Likewise.
            cache_kv: Likewise.
            condition: As in a call.
            **others: Likewise.

        Returns:
            The new tokens, (seq_len) or (b, seq_len); fewer if every row has ended.

        Raises:
            InputError: If an argument does not fit the model or the others.
        """
        refuse_arguments("generate", others, self.generate, _NOT_TAKEN)
        single = seq_out_start.ndim == 1
        start = seq_out_start.unsqueeze(0) if single else seq_out_start
        seen = _source_mask(mask, src_mask, attn_mask, src_attn_mask)
        settings = sampling_settings(
            temperature, filter_logits_fn, filter_thres, filter_kwargs, self.config.dec_num_tokens
        )
        with evaluating(self.model):
            tokens, _ = self.model.generate(
                seq_in,
                attention_mask=paddle.ones_like(seq_in) if seen is None else seen.astype("int64"),
                decoder_input_ids=start,
                max_new_tokens=seq_len,
                use_cache=cache_kv,
                condition=condition,
                eos_token_id=eos_token,
                pad_token_id=self.config.pad_token_id,
                **settings,
            )
        return tokens[0] if single else tokens


def _source_mask(
    mask: Tensor | None, src_mask: Tensor | None, attn_mask: Tensor | None, src_attn_mask: Tensor | None
) -> Tensor | None:
    """One mask over the source, whichever names its parts came in."""
    for name, first, second in (("mask", mask, src_mask), ("attn_mask", attn_mask, src_attn_mask)):
        if first is not None and second is not None:
            raise InputError(f"{name} and src_{name} are two names of one argument; give one")
    return combine_masks(src_mask if mask is None else mask, src_attn_mask if attn_mask is None else attn_mask)[0]
