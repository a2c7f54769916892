"""Descriptions of images: an image encoder and a decoder."""

from __future__ import annotations

from .configuration import XCaptionConfig
from .modeling import XCaptionForConditionalGeneration, XCaptionModel, XCaptionPretrainedModel

__all__ = ["XCaptionConfig", "XCaptionForConditionalGeneration", "XCaptionModel", "XCaptionPretrainedModel"]
