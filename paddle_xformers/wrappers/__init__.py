"""The keyword style of x-transformers and its old Paddle port, over the families of `paddle_xformers.models`.

Thin: each class builds the configuration and the model of a family, and translates calls.
"""

from __future__ import annotations

from .autoregressive import AutoregressiveWrapper
from .continuous import ContinuousTransformerWrapper
from .multi_input import MultiInputTransformerWrapper
from .stacks import AttentionLayers, CrossAttender, Decoder, Encoder, PrefixDecoder, TransformerBlock
from .transformer import TransformerWrapper
from .vit import ViTransformerWrapper
from .xtransformer import XTransformer
from .xval import XValAutoregressiveWrapper, XValTransformerWrapper

__all__ = [
    "AttentionLayers",
    "AutoregressiveWrapper",
    "ContinuousTransformerWrapper",
    "CrossAttender",
    "Decoder",
    "Encoder",
    "MultiInputTransformerWrapper",
    "PrefixDecoder",
    "TransformerBlock",
    "TransformerWrapper",
    "ViTransformerWrapper",
    "XTransformer",
    "XValAutoregressiveWrapper",
    "XValTransformerWrapper",
]
