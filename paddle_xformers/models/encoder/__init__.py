"""The bidirectional encoder and its heads."""

from __future__ import annotations

from .configuration import XEncoderConfig
from .masked_lm import XEncoderForMaskedLM
from .modeling import XEncoderModel, XEncoderPretrainedModel
from .multiple_choice import XEncoderForMultipleChoice
from .question_answering import XEncoderForQuestionAnswering
from .sequence_classification import XEncoderForSequenceClassification
from .token_classification import XEncoderForTokenClassification

__all__ = [
    "XEncoderConfig",
    "XEncoderForMaskedLM",
    "XEncoderForMultipleChoice",
    "XEncoderForQuestionAnswering",
    "XEncoderForSequenceClassification",
    "XEncoderForTokenClassification",
    "XEncoderModel",
    "XEncoderPretrainedModel",
]
