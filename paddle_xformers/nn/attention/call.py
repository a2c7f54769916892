"""What goes into an attention layer beside its input, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from paddle import Tensor

from ...config.options import AttentionOptions
from ..positions.rotary import Angles
from ..shift import Line
from .cache import State
from .deltas import NOTHING, Deltas
from .front import NO_FRONT, Front
from .masks import Mask


@dataclass(frozen=True)
class AttentionCall:
    """What one forward hands to every attention layer of a kind.

    Args:
        mask: Who may look at whom.
        q_sinusoid: What is added to the input of the queries, (b or 1, n, d), or None.
        k_sinusoid: What is added to the input of the keys (mems and new tokens), (b or 1, m, d), or None.
        q_angles: Rotary angles of the new tokens, or None.
        k_angles: Rotary angles of the keys' tokens that this call computes (mems and new tokens), or None.
        past_length: Number of cached tokens.
        output_attentions: Whether the weights are wanted.
        use_cache: Whether keys and values are wanted.
        static_source: Whether keys and values come from a context, which the cache then holds whole.
        windows: The mask of layers with a sliding window, by `max_attend_past`.
        q_positions: Positions of the queries, (b or 1, n); None where nobody asks.
        k_positions: Positions of the keys of self attention, spare room included, (b or 1, m); likewise.
        room: Number of spare places behind the keys.
        first: Position of what stands first in a row: its first memory token, or its first token.
        line: How the new tokens line up; None: there is no padding among them, or nobody asks.
        deltas: What the caller adds inside this layer.
        log_probs: Whether the logarithms of the probabilities of drawn keys are wanted.
        front: What the caller puts in front of the keys and values of this layer.
        kv_residual: What the caller adds to the input of keys and values, (b or 1, tokens, c), or None.
    """

    mask: Mask
    q_sinusoid: Tensor | None = None
    k_sinusoid: Tensor | None = None
    q_angles: Angles | None = None
    k_angles: Angles | None = None
    past_length: int = 0
    output_attentions: bool = False
    use_cache: bool = False
    static_source: bool = False
    windows: Mapping[int | None, Mask] = field(default_factory=dict)
    q_positions: Any = None
    k_positions: Any = None
    room: int = 0
    first: int = 0
    line: Line | None = None
    deltas: Deltas = NOTHING
    log_probs: bool = False
    front: Front = NO_FRONT
    kv_residual: Tensor | None = None

    @property
    def steered(self) -> bool:
        """Whether the caller puts anything into this layer."""
        return self.deltas is not NOTHING or self.front is not NO_FRONT or self.kv_residual is not None

    def mask_of(self, options: AttentionOptions) -> Mask:
        """Return the mask of a layer.

        Args:
            options: The attention fields of the layer.
        """
        return self.windows.get(options.max_attend_past, self.mask)


@dataclass(frozen=True)
class Handed:
    """What attention layers of a kind hand on to the later ones of a forward.

    Args:
        values: The first layer's own values, (b, g, m, k), for the value residual.
        scores: The prior layer's scores, (b, h, n, m), for residual attention.
    """

    values: Tensor | None = None
    scores: Tensor | None = None


@dataclass(frozen=True)
class AttentionResult:
    """What an attention layer gives back.

    Args:
        output: The branch output, (b, n, d).
        state: What the cache shall keep: keys, values, and what parts keep; nothing without a cache.
        handed: What the next layer of the kind gets.
        weights: The attention weights, (b, h, n, m), or None.
        log_probs: Logarithms of the probabilities of the keys that were drawn, (b, h, n), or None.
        scores: Where the weights are wanted, what they were made of, (b, h, n, m), or None.
        own_values: Likewise the values before anything changed them, (b, g, m, k), or None.
    """

    output: Tensor
    state: State = ()
    handed: Handed = Handed()
    weights: Tensor | None = None
    log_probs: Tensor | None = None
    scores: Tensor | None = None
    own_values: Tensor | None = None
