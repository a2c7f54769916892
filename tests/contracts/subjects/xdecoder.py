"""The causal decoder, which tries every example of every field."""

from __future__ import annotations

from typing import Any

import paddle

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM, XDecoderForSequenceClassification

from .subject import SMALL, Inputs, Subject, context, extra_ids, tokens


def inputs(model: Any, b: int, n: int) -> Inputs:
    return {"input_ids": tokens(b, n), **context(model, b), **extra_ids(model, b, n)}


def labels(given: Inputs) -> Inputs:
    return {"labels": given["input_ids"]}


DECODER = Subject(
    "xdecoder",
    XDecoderConfig,
    XDecoderForCausalLM,
    inputs,
    labels,
    length=14,
    padded=("input_ids", "embed_ids"),
    grow_along=("embed_ids",),
    causal=True,
    grows="input_ids",
    generates=True,
    every_example=True,
    effect_elsewhere={
        "max_mem_len": "needs a second segment: tests/models/test_mems.py",
        "shift_mem_down": "likewise",
        "next_embed_loss_weight": "the loss only: tests/models/decoder/test_output_heads.py",
        **dict.fromkeys(
            ("looped_loss_threshold_exit", "looped_loss_slope", "looped_exit_loss_weight"),
            "the loss only: tests/models/decoder/test_rounds.py",
        ),
        "prefix_lm": "needs the length of a prefix: the subjects with one, and tests/models/test_prefix_lm.py",
    },
)


def one_label(given: Inputs) -> Inputs:
    return {"labels": paddle.arange(given["input_ids"].shape[0]) % 2}


CLASSIFIER = Subject(
    "xdecoder-classifier",
    XDecoderConfig,
    XDecoderForSequenceClassification,
    inputs,
    one_label,
    padded=("input_ids", "embed_ids"),
    per_token=False,
    own=(),
)

# A prefix language model, alone and with what else acts on masks, positions and the cache.
BUNDLES: dict[str, dict[str, Any]] = {
    "": {},
    "t5": {"position_bias": "t5", "attn_kv_heads": 2, "num_memory_tokens": 3, "max_attend_past": 6},
    "mixed": {
        **{"rotary_pos_emb": True, "shift_tokens": 1, "num_residual_streams": 2, "attn_num_mem_kv": 2},
        **{"cross_attend": True, "residual_attn": True, "norm_placement": "sandwich"},
    },
}


def with_prefix(model: Any, b: int, n: int) -> Inputs:
    return {**inputs(model, b, n), "prefix_attn_len": paddle.to_tensor([4, 3, 4][:b])}


PREFIX = tuple(
    Subject(
        f"xdecoder-prefix-{name}".rstrip("-"),
        XDecoderConfig,
        XDecoderForCausalLM,
        with_prefix,
        labels,
        small={**SMALL, "prefix_lm": True, **fields},
        length=14,
        causal=True,  # behind the prefix
        grows="input_ids",
        generates=True,
        own=(),
    )
    for name, fields in BUNDLES.items()
)

SUBJECTS = (DECODER, CLASSIFIER, *PREFIX)
