"""Numbers among tokens: each is one token with a value, read and predicted as a number (xVal)."""

from __future__ import annotations

from .configuration import XValConfig
from .generate import GeneratedNumbers
from .modeling import XValForCausalLM, XValModel, XValPretrainedModel

__all__ = ["GeneratedNumbers", "XValConfig", "XValForCausalLM", "XValModel", "XValPretrainedModel"]
