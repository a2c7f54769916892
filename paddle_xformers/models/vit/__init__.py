"""The image encoder and its heads."""

from __future__ import annotations

from .configuration import XViTConfig
from .heads import XViTForImageClassification, XViTForMaskedImageModeling
from .masking import random_patch_mask
from .modeling import XViTModel, XViTPretrainedModel

__all__ = [
    "XViTConfig",
    "XViTForImageClassification",
    "XViTForMaskedImageModeling",
    "XViTModel",
    "XViTPretrainedModel",
    "random_patch_mask",
]
