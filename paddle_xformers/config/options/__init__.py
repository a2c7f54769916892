"""The options of a model, one frozen dataclass for each concern; each attribute is one configuration field."""

from __future__ import annotations

from .attention import AttentionOptions, BothWaysAttentionOptions
from .continuous import ContinuousOptions
from .decoder import DecoderOptions
from .embedding import EmbeddingOptions
from .encoder import EncoderOptions, MaskedLMOptions
from .feedforward import FeedForwardOptions
from .head import HeadOptions
from .layout import LayoutOptions
from .memory import MemoryOptions, MemoryTokenOptions
from .model import ModelOptions
from .norm import NormOptions
from .numbers import NumberOptions
from .output import OutputOptions
from .position import PositionOptions, SchemeOptions, SequenceOptions
from .position_bias import CausalBiasOptions
from .residual import ResidualOptions
from .rounds import RoundsOptions
from .seq2seq import Seq2SeqOptions
from .streams import StreamOptions
from .token import EmbeddingWidthOptions, ExtraTokenOptions, TokenOptions
from .vision import VisionOptions

# The groups every family of token models is made of, in the order of the reference page.
CORE_GROUPS: tuple[type, ...] = (
    ModelOptions,
    EmbeddingOptions,
    PositionOptions,
    LayoutOptions,
    AttentionOptions,
    FeedForwardOptions,
    NormOptions,
    ResidualOptions,
    MemoryOptions,
)

# Those of the families that read tokens.
TOKEN_GROUPS: tuple[type, ...] = (*CORE_GROUPS, TokenOptions, OutputOptions)

# A bidirectional model sees its segment at once: nothing is carried from one to the next, or depends on the order.
_BOTH_WAYS: dict[type, type] = {
    MemoryOptions: MemoryTokenOptions,
    PositionOptions: SequenceOptions,
    AttentionOptions: BothWaysAttentionOptions,
}
BIDIRECTIONAL_GROUPS: tuple[type, ...] = tuple(_BOTH_WAYS.get(group, group) for group in TOKEN_GROUPS)

# Those of the families that see one image at once: how many patches there are follows from its size.
VISION_GROUPS: tuple[type, ...] = (
    VisionOptions,
    HeadOptions,
    *({**_BOTH_WAYS, PositionOptions: SchemeOptions}.get(group, group) for group in CORE_GROUPS),
)

# Everything that is declared: the groups above and those of single families.
ALL_GROUPS: tuple[type, ...] = (
    *TOKEN_GROUPS,
    ExtraTokenOptions,
    DecoderOptions,
    RoundsOptions,
    EncoderOptions,
    MaskedLMOptions,
    HeadOptions,
    Seq2SeqOptions,
    VisionOptions,
    ContinuousOptions,
    NumberOptions,
    StreamOptions,
)

__all__ = [
    "ALL_GROUPS",
    "BIDIRECTIONAL_GROUPS",
    "CORE_GROUPS",
    "TOKEN_GROUPS",
    "VISION_GROUPS",
    "AttentionOptions",
    "BothWaysAttentionOptions",
    "CausalBiasOptions",
    "ContinuousOptions",
    "DecoderOptions",
    "EmbeddingOptions",
    "EmbeddingWidthOptions",
    "EncoderOptions",
    "ExtraTokenOptions",
    "FeedForwardOptions",
    "HeadOptions",
    "LayoutOptions",
    "MaskedLMOptions",
    "MemoryOptions",
    "MemoryTokenOptions",
    "ModelOptions",
    "NormOptions",
    "NumberOptions",
    "OutputOptions",
    "PositionOptions",
    "ResidualOptions",
    "RoundsOptions",
    "SchemeOptions",
    "Seq2SeqOptions",
    "SequenceOptions",
    "StreamOptions",
    "TokenOptions",
    "VisionOptions",
]
