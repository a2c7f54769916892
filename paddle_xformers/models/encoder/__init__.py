"""The bidirectional encoder and its heads."""

from __future__ import annotations

from .configuration import XEncoderConfig
from .modeling import XEncoderModel, XEncoderPretrainedModel

__all__ = ["XEncoderConfig", "XEncoderModel", "XEncoderPretrainedModel"]
