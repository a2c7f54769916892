"""The causal decoder, which tries every example of every field."""

from __future__ import annotations

from typing import Any

import paddle

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM, XDecoderForSequenceClassification

from .subject import Inputs, Subject, context, tokens


def inputs(model: Any, b: int, n: int) -> Inputs:
    return {"input_ids": tokens(b, n), **context(model, b)}


def labels(given: Inputs) -> Inputs:
    return {"labels": given["input_ids"]}


DECODER = Subject(
    "xdecoder",
    XDecoderConfig,
    XDecoderForCausalLM,
    inputs,
    labels,
    length=14,
    causal=True,
    grows="input_ids",
    generates=True,
    every_example=True,
    effect_elsewhere={
        "max_mem_len": "needs a second segment: tests/models/test_mems.py",
        "shift_mem_down": "likewise",
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
    per_token=False,
    own=(),
)

SUBJECTS = (DECODER, CLASSIFIER)
