"""The encoder-decoder, with a few bundles of options in its parts: each option is tried in the part's own family."""

from __future__ import annotations

from typing import Any

from paddle_xformers import XSeq2SeqConfig, XSeq2SeqForConditionalGeneration

from .subject import Inputs, Subject, conditions, tokens

SIZES = {"num_tokens": 37, "depth": 2, "heads": 4, "attn_dim_head": 8, "max_seq_len": 64}


def both(**fields: Any) -> dict[str, Any]:
    """Fields of the encoder and of the decoder."""
    return {prefix + name: value for prefix in ("enc_", "dec_") for name, value in fields.items()}


SMALL = {"dim": 32, "bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0, **both(**SIZES)}
BUNDLES: dict[str, dict[str, Any]] = {
    "": {},
    "llama": both(rotary_pos_emb=True, norm="rmsnorm", ff_glu=True, attn_kv_heads=2, depth=1),
    "t5": both(position_bias="t5", norm="rmsnorm", depth=1),
    "mixed": {"enc_position_bias": "alibi", "dec_rotary_pos_emb": True, "enc_depth": 3, "dec_emb_dim": 24},
    "memory": both(num_memory_tokens=3, attn_num_mem_kv=2),
    "streams": {**both(num_residual_streams=2), "dec_cross_residual_attn": True, "dec_add_value_residual": True},
}


def inputs(model: Any, b: int, n: int) -> Inputs:
    parts = (model.config.encoder_config(), model.config.decoder_config())
    return {"input_ids": tokens(b, n, seed=4), "decoder_input_ids": tokens(b, n), **conditions(b, *parts)}


def labels(given: Inputs) -> Inputs:
    return {"labels": given["decoder_input_ids"]}


def subject(bundle: str, fields: dict[str, Any]) -> Subject:
    return Subject(
        f"xseq2seq-{bundle}".rstrip("-"),
        XSeq2SeqConfig,
        XSeq2SeqForConditionalGeneration,
        inputs,
        labels,
        small={**SMALL, **fields},
        length=14,
        per_token=False,  # what is padded is the source, and the result belongs to the target
        causal=True,
        grows="decoder_input_ids",
        generates=True,
        own=() if bundle else None,
        effect_elsewhere={"ignore_index": "in the loss: tests/models/seq2seq/test_loss.py"},
        kernels=("enc_attn_kernel", "dec_attn_kernel"),
        states=("encoder_hidden_states", "encoder_attentions"),
        not_beside_labels=("encoder_last_hidden_state",),
    )


SUBJECTS = tuple(subject(bundle, fields) for bundle, fields in BUNDLES.items())
