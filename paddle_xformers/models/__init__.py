"""PaddleNLP model families."""

from __future__ import annotations

from .configuration import XDecoderConfig, XPretrainedConfig
from .decoder import XDecoderForCausalLM, XDecoderModel, XDecoderPretrainedModel
from .pretrained import XPretrainedModel

__all__ = [
    "XDecoderConfig",
    "XDecoderForCausalLM",
    "XDecoderModel",
    "XDecoderPretrainedModel",
    "XPretrainedConfig",
    "XPretrainedModel",
]
