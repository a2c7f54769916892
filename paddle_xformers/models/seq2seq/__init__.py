"""The encoder-decoder: a source is read as a whole, and a target is written token by token."""

from __future__ import annotations

from .configuration import XSeq2SeqConfig
from .modeling import XSeq2SeqForConditionalGeneration, XSeq2SeqModel, XSeq2SeqPretrainedModel

# What x-transformers' XTransformer is; PaddleNLP finds a model by the longer name.
XSeq2Seq = XSeq2SeqForConditionalGeneration

__all__ = [
    "XSeq2Seq",
    "XSeq2SeqConfig",
    "XSeq2SeqForConditionalGeneration",
    "XSeq2SeqModel",
    "XSeq2SeqPretrainedModel",
]
