"""What goes into an attention layer beside its input, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paddle import Tensor

from ...config.options import AttentionOptions
from ..places import Places
from ..positions.rotary import Angles
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
        places: Positions of queries and keys, for self attention.
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
    places: Places | None = None

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
        pair: Keys, values and what parts remember of each key, for the cache, or None.
        handed: What the next layer of the kind gets.
        weights: The attention weights, (b, h, n, m), or None.
    """

    output: Tensor
    pair: tuple[Tensor, ...] | None = None
    handed: Handed = Handed()
    weights: Tensor | None = None
