"""Descriptions of images, with bundles of options in both parts: each option is tried in the part's own family."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XCaptionConfig, XCaptionForConditionalGeneration

from .subject import Inputs, Subject, tokens

SMALL = {
    "dim": 32,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
    **{"enc_image_size": 8, "enc_patch_size": 4, "enc_depth": 2, "enc_heads": 4, "enc_attn_dim_head": 8},
    **{"dec_num_tokens": 37, "dec_max_seq_len": 64, "dec_depth": 2, "dec_heads": 4, "dec_attn_dim_head": 8},
}
BUNDLES: dict[str, dict[str, Any]] = {
    "": {},
    "mixed": {
        **{"enc_pooling": "cls", "enc_num_register_tokens": 2, "enc_num_memory_tokens": 2, "enc_norm": "rmsnorm"},
        **{"dec_rotary_pos_emb": True, "dec_attn_kv_heads": 2, "dec_num_memory_tokens": 2, "dec_ff_glu": True},
    },
}


def inputs(model: Any, b: int, n: int) -> Inputs:
    encoder = model.config.encoder_config()
    height, width = encoder.stack_options().vision.image_shape
    pixels = np.random.default_rng(3).normal(size=(b, encoder.channels, height, width)).astype("float32")
    return {"pixel_values": paddle.to_tensor(pixels), "decoder_input_ids": tokens(b, n)}


def labels(given: Inputs) -> Inputs:
    return {"labels": given["decoder_input_ids"]}


SUBJECTS = tuple(
    Subject(
        f"xcaption-{name}".rstrip("-"),
        XCaptionConfig,
        XCaptionForConditionalGeneration,
        inputs,
        labels,
        small={**SMALL, **fields},
        length=14,
        places=4,
        padded=("pixel_values",),
        mask=None,
        per_token=False,
        causal=True,
        grows="decoder_input_ids",
        generates=True,
        own=() if name else None,
        kernels=("enc_attn_kernel", "dec_attn_kernel"),
        states=("encoder_hidden_states", "encoder_attentions"),
        not_beside_labels=("encoder_last_hidden_state",),
    )
    for name, fields in BUNDLES.items()
)
