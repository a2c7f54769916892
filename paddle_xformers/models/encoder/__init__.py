"""The bidirectional encoder and its heads."""

from __future__ import annotations

from .configuration import XEncoderConfig
from .masked_lm import XEncoderForMaskedLM
from .modeling import XEncoderModel, XEncoderPretrainedModel

__all__ = ["XEncoderConfig", "XEncoderForMaskedLM", "XEncoderModel", "XEncoderPretrainedModel"]
