"""Well-known encoders; parameters are those of XEncoderModel, the pooler included.

Published numbers are those of the released checkpoints (as Hugging Face and, for ALBERT, KerasHub list them).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .preset import Preset

_LAYER = {
    "norm_placement": "post",
    "norm_bias": True,
    "norm_eps": 1e-12,
    "attn_qkv_bias": True,
    "attn_out_bias": True,
    "position_embedding_scale": 1.0,
    "max_seq_len": 512,
    "post_emb_norm": True,
}
_UNCASED = {
    **_LAYER,
    "num_tokens": 30522,
    "lm_head_transform": True,
    "logits_bias": True,
    "tie_word_embeddings": True,
    "tie_embedding_scale": 1.0,
}
_BERT = {**_UNCASED, "type_vocab_size": 2, "pooler_dense": True}
_DISTILBERT = {**_UNCASED, "pooler": "none", "dim": 768, "heads": 12}
_ALBERT = {
    **_LAYER,
    "num_tokens": 30000,
    "emb_dim": 128,
    "type_vocab_size": 2,
    "weight_tie_layers": True,
    "ff_activation": "gelu_tanh",
    "pooler_dense": True,
}


def _bert(what: str, parameters: int, **sizes: Any) -> Preset:
    return Preset(f"BERT (uncased), {what}", "1810.04805", parameters, {**_BERT, **sizes})


def _albert(what: str, parameters: int, **sizes: Any) -> Preset:
    lacks = "the head of the masked language model, as narrow as the embeddings and tied to them"
    return Preset(f"ALBERT (version 2), {what}", "1909.11942", parameters, {**_ALBERT, **sizes}, lacks)


ENCODERS: Mapping[str, Preset] = {
    "bert-base": _bert("12 layers", 109_482_240, dim=768, depth=12, heads=12),
    "bert-large": _bert("24 layers", 335_141_888, dim=1024, depth=24, heads=16),
    "distilbert-base": Preset("DistilBERT (uncased), 6 layers", "1910.01108", 66_362_880, _DISTILBERT),
    "albert-base": _albert("one layer 12 times", 11_683_584, dim=768, depth=12, heads=12),
    "albert-large": _albert("one layer 24 times", 17_683_968, dim=1024, depth=24, heads=16),
    "albert-xlarge": _albert("one layer 24 times", 58_724_864, dim=2048, depth=24, heads=16, attn_dim_head=128),
    "albert-xxlarge": _albert("one layer 12 times", 222_595_584, dim=4096, depth=12, heads=64),
}
