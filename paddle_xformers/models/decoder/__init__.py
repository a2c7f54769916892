"""The causal decoder: next-token prediction, generation, decoding with a cache."""

from __future__ import annotations

from .configuration import XDecoderConfig
from .modeling import XDecoderForCausalLM, XDecoderModel, XDecoderPretrainedModel

__all__ = ["XDecoderConfig", "XDecoderForCausalLM", "XDecoderModel", "XDecoderPretrainedModel"]
