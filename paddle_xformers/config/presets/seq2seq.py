"""Well-known encoder-decoders; parameters are those of XSeq2SeqForConditionalGeneration.

Published numbers are those of the released checkpoints (as Hugging Face lists them): what T5 ties is counted once.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .preset import Preset

# Logits of attention and position bias have no factor; the layers have no biases.
_LAYER = {
    "num_tokens": 32128,
    "max_seq_len": 512,
    "position_bias": "t5",
    "rel_pos_scale": 1.0,
    "attn_scale": 1.0,
    "norm": "rmsnorm",
    "norm_eps": 1e-6,
    "ff_no_bias": True,
}
_FIRST = {**_LAYER, "ff_activation": "relu"}
_SECOND = {**_LAYER, "ff_activation": "gelu_tanh", "ff_glu": True}


def _both(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of both parts; cross attention, in the decoder only, has the scale and the heads of self attention."""
    parts = {prefix + name: value for prefix in ("enc_", "dec_") for name, value in fields.items()}
    own = ("attn_scale", "attn_dim_head")
    return {**parts, **{f"dec_cross_{name}": fields[name] for name in own if name in fields}}


def _t5(what: str, parameters: int, *, dim: int = 512, **sizes: Any) -> Preset:
    fields = {**_both({**_FIRST, **sizes}), "tie_token_emb": True, "dec_tie_word_embeddings": True}
    return Preset(f"T5, {what}", "1910.10683", parameters, _wide(fields, dim))


def _t5_v1_1(what: str, parameters: int, *, dim: int = 512, **sizes: Any) -> Preset:
    fields = {**_both({**_SECOND, **sizes}), "tie_token_emb": True}
    return Preset(f"T5 1.1 and Flan-T5, {what}", "2002.05202; 2210.11416", parameters, _wide(fields, dim))


def _wide(fields: dict[str, Any], dim: int) -> dict[str, Any]:
    return fields if dim == 512 else {"dim": dim, **fields}


_XL = {"dim": 2048, "depth": 24, "heads": 32, "ff_dim": 5120}
_XXL = {"dim": 4096, "depth": 24, "heads": 64, "ff_dim": 10240}
_3B = {"dim": 1024, "depth": 24, "heads": 32, "attn_dim_head": 128, "ff_dim": 16384}
_11B = {"dim": 1024, "depth": 24, "heads": 128, "attn_dim_head": 128, "ff_dim": 65536}

SEQ2SEQS: Mapping[str, Preset] = {
    "t5-small": _t5("6 layers", 60_506_624),
    "t5-base": _t5("12 layers", 222_903_552, dim=768, depth=12, heads=12),
    "t5-large": _t5("24 layers", 737_668_096, dim=1024, depth=24, heads=16),
    "t5-3b": _t5("24 layers, heads of 128", 2_851_598_336, **_3B),
    "t5-11b": _t5("24 layers, 128 heads", 11_307_321_344, **_11B),
    "t5-v1.1-small": _t5_v1_1("8 layers", 76_961_152, depth=8, heads=6, ff_dim=1024),
    "t5-v1.1-base": _t5_v1_1("12 layers", 247_577_856, dim=768, depth=12, heads=12, ff_dim=2048),
    "t5-v1.1-large": _t5_v1_1("24 layers", 783_150_080, dim=1024, depth=24, heads=16, ff_dim=2816),
    "t5-v1.1-xl": _t5_v1_1("24 layers, 2048 wide", 2_849_757_184, **_XL),
    "t5-v1.1-xxl": _t5_v1_1("24 layers, 4096 wide", 11_135_332_352, **_XXL),
}
