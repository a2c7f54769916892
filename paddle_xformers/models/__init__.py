"""PaddleNLP model families, one folder each, and what they share."""

from __future__ import annotations

from .caption import XCaptionConfig, XCaptionForConditionalGeneration, XCaptionModel, XCaptionPretrainedModel
from .configuration import XPretrainedConfig
from .continuous import (
    XContinuousConfig,
    XContinuousForRegression,
    XContinuousModel,
    XContinuousPretrainedModel,
)
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
from .images import XImageProcessor
from .pretrained import XPretrainedModel
from .seq2seq import (
    XSeq2Seq,
    XSeq2SeqConfig,
    XSeq2SeqForConditionalGeneration,
    XSeq2SeqModel,
    XSeq2SeqPretrainedModel,
)
from .vit import (
    XViTConfig,
    XViTForImageClassification,
    XViTForMaskedImageModeling,
    XViTModel,
    XViTPretrainedModel,
    random_patch_mask,
)

__all__ = [
    "XCaptionConfig",
    "XCaptionForConditionalGeneration",
    "XCaptionModel",
    "XCaptionPretrainedModel",
    "XContinuousConfig",
    "XContinuousForRegression",
    "XContinuousModel",
    "XContinuousPretrainedModel",
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
    "XImageProcessor",
    "XPretrainedConfig",
    "XPretrainedModel",
    "XSeq2Seq",
    "XSeq2SeqConfig",
    "XSeq2SeqForConditionalGeneration",
    "XSeq2SeqModel",
    "XSeq2SeqPretrainedModel",
    "XViTConfig",
    "XViTForImageClassification",
    "XViTForMaskedImageModeling",
    "XViTModel",
    "XViTPretrainedModel",
    "random_patch_mask",
]
