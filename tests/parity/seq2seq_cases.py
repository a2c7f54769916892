"""What is compared with x-transformers' XTransformer: options of the encoder, of the decoder and of both."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

SIZES = {"depth": 2, "heads": 4, "attn_dim_head": 8, "max_seq_len": 24}
SMALL = {
    "dim": 32,
    "enc_num_tokens": 50,
    "dec_num_tokens": 41,
    **{f"{prefix}_{name}": value for prefix in ("enc", "dec") for name, value in SIZES.items()},
}


def both(**options: Any) -> dict[str, Any]:
    """Options of the encoder and of the decoder."""
    return {f"{prefix}_{name}": value for prefix in ("enc", "dec") for name, value in options.items()}


@dataclass(frozen=True)
class Case:
    """One model, built twice.

    Args:
        name: Its name in the test's id.
        options: Keywords of XTransformer, which our configuration takes as well.
        ours: Further fields of our configuration; they win.
        padded: Whether the last places of the first source are padding.
        prefix: Number of vectors in front of the source.
    """

    name: str
    options: dict[str, Any] = field(default_factory=dict)
    ours: dict[str, Any] = field(default_factory=dict)
    padded: bool = False
    prefix: int = 0


CASES = [
    Case("default"),
    Case("padding", padded=True),
    Case("tied embeddings", {"tie_token_emb": True, "dec_num_tokens": 50}),
    Case("other sizes in each part", {"enc_depth": 3, "dec_heads": 3, "enc_attn_dim_head": 6, "dec_max_seq_len": 13}),
    Case("rotary", both(rotary_pos_emb=True), padded=True),
    Case("t5", both(rel_pos_bias=True), padded=True),
    Case("alibi", both(alibi_pos_bias=True)),
    Case("alibi in the encoder, rotary in the decoder", {"enc_alibi_pos_bias": True, "dec_rotary_pos_emb": True}),
    Case("no positions", both(use_abs_pos_emb=False)),
    Case("rmsnorm", both(use_rmsnorm=True)),
    Case("post-norm", both(pre_norm=False)),
    Case("gated units", both(ff_glu=True, ff_swish=True)),
    Case("grouped heads", both(attn_kv_heads=2)),
    Case("residual attention", {"enc_residual_attn": True, "dec_residual_attn": True, "dec_cross_residual_attn": True}),
    Case("memory tokens", {"enc_num_memory_tokens": 3, "enc_rotary_pos_emb": True}, padded=True),
    Case("memory keys and values", both(attn_num_mem_kv=2), padded=True),
    Case("talking heads, head scale", both(attn_pre_talking_heads=True, attn_head_scale=True)),
    Case("value residual", both(add_value_residual=True, depth=3)),
    Case("macaron", both(macaron=True, sandwich_norm=True)),
    Case("cross attention's own heads", {"dec_cross_attn_kv_heads": 1, "dec_cross_attn_dim_head": 6}),
    Case("cross attention only", {"dec_only_cross": True}),
    Case("hyper-connections", both(num_residual_streams=2), ours=both(upstream_compat=True)),
    Case("dropouts", {**both(attn_dropout=0.2, ff_dropout=0.2, emb_dropout=0.1), "cross_attn_tokens_dropout": 0.3}),
    Case("vectors in front", prefix=3),
    Case("vectors in front, rotary, padding", both(rotary_pos_emb=True), padded=True, prefix=3),
    Case("vectors in front, t5, memory tokens", {**both(rel_pos_bias=True), "enc_num_memory_tokens": 2}, prefix=4),
    Case("vectors in front, alibi, padding", both(alibi_pos_bias=True), padded=True, prefix=1),
    Case("all keywords of the whole", {"ignore_index": -1, "pad_value": 3}),
]
