"""PaddleNLP model families, one folder each, and what they share."""

from __future__ import annotations

from .configuration import XPretrainedConfig
from .decoder import (
    XDecoderConfig,
    XDecoderForCausalLM,
    XDecoderForSequenceClassification,
    XDecoderModel,
    XDecoderPretrainedModel,
)
from .encoder import (
    XEncoderConfig,
    XEncoderForMaskedLM,
    XEncoderForMultipleChoice,
    XEncoderForQuestionAnswering,
    XEncoderForSequenceClassification,
    XEncoderForTokenClassification,
    XEncoderModel,
    XEncoderPretrainedModel,
)
from .pretrained import XPretrainedModel

__all__ = [
    "XDecoderConfig",
    "XDecoderForCausalLM",
    "XDecoderForSequenceClassification",
    "XDecoderModel",
    "XDecoderPretrainedModel",
    "XEncoderConfig",
    "XEncoderForMaskedLM",
    "XEncoderForMultipleChoice",
    "XEncoderForQuestionAnswering",
    "XEncoderForSequenceClassification",
    "XEncoderForTokenClassification",
    "XEncoderModel",
    "XEncoderPretrainedModel",
    "XPretrainedConfig",
    "XPretrainedModel",
]
