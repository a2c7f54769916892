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
from .multi_input import (
    XMultiInputConfig,
    XMultiInputForCausalLM,
    XMultiInputModel,
    XMultiInputPretrainedModel,
)
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
from .xval import GeneratedNumbers, XValConfig, XValForCausalLM, XValModel, XValPretrainedModel

__all__ = [
    "GeneratedNumbers",
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
    "XMultiInputConfig",
    "XMultiInputForCausalLM",
    "XMultiInputModel",
    "XMultiInputPretrainedModel",
    "XPretrainedConfig",
    "XPretrainedModel",
    "XSeq2Seq",
    "XSeq2SeqConfig",
    "XSeq2SeqForConditionalGeneration",
    "XSeq2SeqModel",
    "XSeq2SeqPretrainedModel",
    "XValConfig",
    "XValForCausalLM",
    "XValModel",
    "XValPretrainedModel",
    "XViTConfig",
    "XViTForImageClassification",
    "XViTForMaskedImageModeling",
    "XViTModel",
    "XViTPretrainedModel",
    "random_patch_mask",
]
