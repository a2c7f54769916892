"""The bidirectional encoder: most fields on its masked language model, its own fields on the classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import (
    XEncoderConfig,
    XEncoderForMaskedLM,
    XEncoderForMultipleChoice,
    XEncoderForQuestionAnswering,
    XEncoderForSequenceClassification,
    XEncoderForTokenClassification,
)
from paddle_xformers.config.options import BIDIRECTIONAL_GROUPS, EncoderOptions, HeadOptions, MaskedLMOptions

from .subject import Inputs, Subject, context, tokens

CHOICES = 3


def inputs(model: Any, b: int, n: int) -> Inputs:
    given = {"input_ids": tokens(b, n), **context(model, b)}
    if model.config.type_vocab_size:
        given["token_type_ids"] = paddle.to_tensor(np.random.default_rng(2).integers(0, 2, (b, n)))
    return given


def choices(model: Any, b: int, n: int) -> Inputs:
    given = {"input_ids": tokens(b * CHOICES, n).reshape([b, CHOICES, n]), **context(model, b)}
    if model.config.type_vocab_size:
        kinds = np.random.default_rng(2).integers(0, 2, (b, CHOICES, n))
        given["token_type_ids"] = paddle.to_tensor(kinds)
    return given


def token_labels(given: Inputs) -> Inputs:
    return {"labels": given["input_ids"]}


def one_label(given: Inputs) -> Inputs:
    return {"labels": paddle.arange(given["input_ids"].shape[0]) % 2}


def token_classes(given: Inputs) -> Inputs:
    return {"labels": given["input_ids"] % 2}


def span(given: Inputs) -> Inputs:
    last = paddle.full([given["input_ids"].shape[0]], given["input_ids"].shape[1] - 1, dtype="int64")
    return {"start_positions": last - 2, "end_positions": last}


SUBJECTS = (
    Subject(
        "xencoder",
        XEncoderConfig,
        XEncoderForMaskedLM,
        inputs,
        token_labels,
        own=(*BIDIRECTIONAL_GROUPS, MaskedLMOptions),
    ),
    Subject(
        "xencoder-classifier",
        XEncoderConfig,
        XEncoderForSequenceClassification,
        inputs,
        one_label,
        padded=("input_ids", "token_type_ids"),
        per_token=False,
        own=(EncoderOptions, HeadOptions),
    ),
    Subject("xencoder-tokens", XEncoderConfig, XEncoderForTokenClassification, inputs, token_classes, own=()),
    Subject(
        "xencoder-answers", XEncoderConfig, XEncoderForQuestionAnswering, inputs, span, result="start_logits", own=()
    ),
    Subject("xencoder-choices", XEncoderConfig, XEncoderForMultipleChoice, choices, one_label, mask=None, own=()),
)
