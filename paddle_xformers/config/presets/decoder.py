"""Well-known causal decoders; parameters are those of XDecoderForCausalLM.

Published numbers: of GPT, GPT-2, BLOOM, LLaMA and TinyLlama those of the released checkpoints (as Hugging Face lists
them), a tied head counted once. GPT-3's paper rounds to 6.7B and 175.0B (2005.14165, table 2.1); here its numbers are
worked out from the sizes in that table and GPT-2's vocabulary: 12 d^2 + 13 d a layer, d a token and a position, 2 d.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .preset import Preset

_BIASES = {"attn_qkv_bias": True, "attn_out_bias": True, "norm_bias": True}
# A layer of GPT and of GPT-2, whose embeddings and logits have no factors.
_GPT = {
    **_BIASES,
    "position_embedding_scale": 1.0,
    "ff_activation": "gelu_tanh",
    "tie_word_embeddings": True,
    "tie_embedding_scale": 1.0,
}
_GPT2 = {**_GPT, "num_tokens": 50257}
_BLOOM = {
    **_BIASES,
    "num_tokens": 250880,
    "max_seq_len": 2048,
    "position_embedding": "none",
    "position_bias": "alibi",
    "post_emb_norm": True,
    "ff_activation": "gelu_tanh",
    "tie_word_embeddings": True,
    "tie_embedding_scale": 1.0,
}
_LLAMA_LAYER = {
    "rotary_pos_emb": True,
    "rotary_layout": "half",
    "norm": "rmsnorm",
    "ff_glu": True,
    "ff_activation": "silu",
    "ff_no_bias": True,
}
_BANDS = "locally banded attention in every other layer"


def _gpt2(what: str, parameters: int, **sizes: Any) -> Preset:
    return Preset(f"GPT-2, {what}", "Radford et al. 2019", parameters, {**_GPT2, **sizes})


def _gpt3(what: str, parameters: int, **sizes: Any) -> Preset:
    fields = {**_GPT2, "max_seq_len": 2048, **sizes}
    return Preset(f"GPT-3, {what}", "2005.14165", parameters, fields, lacks=_BANDS)


def _bloom(what: str, parameters: int, **sizes: Any) -> Preset:
    return Preset(f"BLOOM, {what}", "2211.05100", parameters, {**_BLOOM, **sizes})


def _llama(what: str, paper: str, parameters: int, *, eps: float, max_seq_len: int, **sizes: Any) -> Preset:
    """LLaMA turns all features of a head; its vocabulary has 32000 entries unless `sizes` says otherwise."""
    rotated = sizes.get("attn_dim_head", 64)
    fields = {"num_tokens": 32000, "norm_eps": eps, "max_seq_len": max_seq_len, "rotary_emb_dim": rotated, **sizes}
    return Preset(what, paper, parameters, {**_LLAMA_LAYER, **fields})


def _llama1(what: str, parameters: int, *, eps: float = 1e-6, **sizes: Any) -> Preset:
    return _llama(f"LLaMA, {what}", "2302.13971", parameters, eps=eps, max_seq_len=2048, attn_dim_head=128, **sizes)


def _llama2(what: str, parameters: int, **sizes: Any) -> Preset:
    return _llama(f"Llama 2, {what}", "2307.09288", parameters, eps=1e-5, max_seq_len=4096, attn_dim_head=128, **sizes)


def _llama3(what: str, parameters: int, **sizes: Any) -> Preset:
    sizes = {"num_tokens": 128256, "rotary_base": 500000.0, "attn_kv_heads": 8, **sizes}
    return _llama(f"Llama 3, {what}", "2407.21783", parameters, eps=1e-5, max_seq_len=8192, attn_dim_head=128, **sizes)


_7B = {"dim": 4096, "depth": 32, "heads": 32, "ff_dim": 11008}
_13B = {"dim": 5120, "depth": 40, "heads": 40, "ff_dim": 13824}
_GPT1 = {
    **_GPT,
    "num_tokens": 40478,
    "max_seq_len": 512,
    "norm_placement": "post",
    "dim": 768,
    "depth": 12,
    "heads": 12,
}
_TINY = {"dim": 2048, "depth": 22, "heads": 32, "attn_kv_heads": 4, "ff_dim": 5632}

DECODERS: Mapping[str, Preset] = {
    "gpt": Preset("GPT, the first", "Radford et al. 2018", 116_534_784, _GPT1),
    "gpt2-small": _gpt2("12 layers", 124_439_808, dim=768, depth=12, heads=12),
    "gpt2-medium": _gpt2("24 layers", 354_823_168, dim=1024, depth=24, heads=16),
    "gpt2-large": _gpt2("36 layers", 774_030_080, dim=1280, depth=36, heads=20),
    "gpt2-xl": _gpt2("48 layers", 1_557_611_200, dim=1600, depth=48, heads=25),
    "gpt3-6.7b": _gpt3("32 layers", 6_658_404_352, dim=4096, depth=32, heads=32, attn_dim_head=128),
    "gpt3-175b": _gpt3("96 layers", 174_604_259_328, dim=12288, depth=96, heads=96, attn_dim_head=128),
    "bloom-560m": _bloom("24 layers", 559_214_592, dim=1024, depth=24, heads=16),
    "bloom-176b": _bloom("70 layers", 176_247_271_424, dim=14336, depth=70, heads=112, attn_dim_head=128),
    "llama-7b": _llama1("32 layers", 6_738_415_616, **_7B),
    "llama-13b": _llama1("40 layers", 13_015_864_320, **_13B),
    "llama-30b": _llama1("60 layers", 32_528_943_616, dim=6656, depth=60, heads=52, ff_dim=17920),
    "llama-65b": _llama1("80 layers", 65_285_660_672, eps=1e-5, dim=8192, depth=80, heads=64, ff_dim=22016),
    "llama-2-7b": _llama2("32 layers", 6_738_415_616, **_7B),
    "llama-2-13b": _llama2("40 layers", 13_015_864_320, **_13B),
    "llama-2-70b": _llama2("80 layers", 68_976_648_192, dim=8192, depth=80, heads=64, attn_kv_heads=8, ff_dim=28672),
    "llama-3-8b": _llama3("32 layers", 8_030_261_248, dim=4096, depth=32, heads=32, ff_dim=14336),
    "llama-3-70b": _llama3("80 layers", 70_553_706_496, dim=8192, depth=80, heads=64, ff_dim=28672),
    "tinyllama-1.1b": _llama("TinyLlama", "2401.02385", 1_100_048_384, eps=1e-5, max_seq_len=2048, **_TINY),
}
