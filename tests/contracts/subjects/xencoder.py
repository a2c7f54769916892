"""The bidirectional encoder, on its masked language model."""

from __future__ import annotations

from typing import Any

from paddle_xformers import XEncoderConfig, XEncoderForMaskedLM

from .subject import Inputs, Subject, context, tokens


def inputs(model: Any, b: int, n: int) -> Inputs:
    return {"input_ids": tokens(b, n), **context(model, b)}


def labels(given: Inputs) -> Inputs:
    return {"labels": given["input_ids"]}


SUBJECTS = (Subject("xencoder", XEncoderConfig, XEncoderForMaskedLM, inputs, labels),)
