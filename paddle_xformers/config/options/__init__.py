"""The options of a model, one frozen dataclass for each concern; each attribute is one configuration field."""

from __future__ import annotations

from .attention import AttentionOptions
from .embedding import EmbeddingOptions
from .feedforward import FeedForwardOptions
from .layout import LayoutOptions
from .memory import MemoryOptions
from .model import ModelOptions
from .norm import NormOptions
from .position import PositionOptions
from .residual import ResidualOptions

# The groups every family is made of, in the order of the reference page.
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

__all__ = [
    "CORE_GROUPS",
    "AttentionOptions",
    "EmbeddingOptions",
    "FeedForwardOptions",
    "LayoutOptions",
    "MemoryOptions",
    "ModelOptions",
    "NormOptions",
    "PositionOptions",
    "ResidualOptions",
]
