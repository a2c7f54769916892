"""Several streams of tokens side by side, such as the notes, lengths and loudness of music."""

from __future__ import annotations

from .configuration import XMultiInputConfig
from .modeling import XMultiInputForCausalLM, XMultiInputModel, XMultiInputPretrainedModel

__all__ = ["XMultiInputConfig", "XMultiInputForCausalLM", "XMultiInputModel", "XMultiInputPretrainedModel"]
