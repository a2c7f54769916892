"""PaddleNLP model families, one folder each, and what they share."""

from __future__ import annotations

from .configuration import XPretrainedConfig
from .decoder import XDecoderConfig, XDecoderForCausalLM, XDecoderModel, XDecoderPretrainedModel
from .encoder import XEncoderConfig, XEncoderForMaskedLM, XEncoderModel, XEncoderPretrainedModel
from .pretrained import XPretrainedModel

__all__ = [
    "XDecoderConfig",
    "XDecoderForCausalLM",
    "XDecoderModel",
    "XDecoderPretrainedModel",
    "XEncoderConfig",
    "XEncoderForMaskedLM",
    "XEncoderModel",
    "XEncoderPretrainedModel",
    "XPretrainedConfig",
    "XPretrainedModel",
]
