"""The causal decoder: next-token prediction, generation, decoding with a cache."""

from __future__ import annotations

from .configuration import XDecoderConfig
from .modeling import XDecoderForCausalLM, XDecoderModel, XDecoderPretrainedModel
from .sequence_classification import XDecoderForSequenceClassification

__all__ = [
    "XDecoderConfig",
    "XDecoderForCausalLM",
    "XDecoderForSequenceClassification",
    "XDecoderModel",
    "XDecoderPretrainedModel",
]
