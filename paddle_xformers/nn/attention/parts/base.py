"""The socket of the attention layer: one idea a file, plugged in at the stages of the computation.

query_input     what queries are projected from
source_input    what keys and values are projected from
queries         after their projection, before positions
keys_values     after their projections, before positions and cache
in_front        further keys and values to stand in front of all others, never cached
front_keys      those keys, before they are put there
all_values      all values, also those in front, before the weights meet them
compared        queries and keys, just before their products
scores          the scaled products, before bias and mask
masked_scores   with bias and mask on them
normalized      how scores become weights
weights         the attention weights, after dropout
attended        the attended values of each head
merged          the attended values of all heads together, before the output projection
projected       the output of the layer
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from paddle import Tensor, nn

from ....config.options import AttentionOptions, PositionOptions
from ..cache import State
from ..call import AttentionCall
from ..normalizers import Normalizer


@dataclass(frozen=True)
class Step:
    """What a part may look at besides the tensors it changes.

    Args:
        x: Input of the queries, (b, n, d).
        source: Input of keys and values, (b, m, d).
        call: What this forward hands to the layers of this kind.
        first_values: Values of the first attention layer of this kind, (b, g, m, k), or None.
        prior_scores: Scores of the attention layer of this kind before this one, (b, h, n, m), or None.
        kept: What one part keeps for another of the same layer, by name.
        past: What each part that keeps something in the cache left there; nothing without a cache.
        state: What each such part leaves there now.
        value_source: Input of values where it is another one, (b, m, d), or None.
    """

    x: Tensor
    source: Tensor
    call: AttentionCall
    first_values: Tensor | None = None
    prior_scores: Tensor | None = None
    kept: dict[str, Tensor] = field(default_factory=dict)
    past: Mapping[nn.Layer, State] = field(default_factory=dict)
    state: dict[nn.Layer, State] = field(default_factory=dict)
    value_source: Tensor | None = None


@dataclass(frozen=True)
class Site:
    """Where a part is built: the attention layer around it.

    Args:
        dim: Width of the queries' input.
        source_dim: Width of the keys' and values' input.
        options: The attention fields of the layer.
        kind: `a` or `c`.
        first: Whether the layer is the first attention layer of its kind.
        causal: Whether the stack around the layer looks only backwards.
        upstream_compat: Whether to follow x-transformers where it departs from the paper.
        position: The position fields.
        looks_ahead: Whether some queries see keys behind their own position: all, or those of a prefix.
    """

    dim: int
    source_dim: int
    options: AttentionOptions
    kind: str = "a"
    first: bool = True
    causal: bool = False
    upstream_compat: bool = False
    position: PositionOptions = PositionOptions()
    looks_ahead: bool = True

    @property
    def query_width(self) -> int:
        """Width of what queries are projected from."""
        return self.options.attn_dim_latent_q or self.dim

    @property
    def source_width(self) -> int:
        """Width of what keys and values are projected from."""
        return self.options.attn_dim_latent_kv or self.source_dim

    @property
    def inner(self) -> int:
        """Width of what all heads attended."""
        return self.options.heads * self.options.value_dim

    @property
    def merged_width(self) -> int:
        """Width of what the output is projected from."""
        return self.inner * self.options.beliefs


class AttentionPart(nn.Layer):
    """One idea inside an attention layer; a subclass overrides the stages it acts at."""

    # Whether the scores that leave this part are what the next layer of the kind gets as `prior_scores`.
    hands_scores_on = False
    # Whether the keys that this part puts in front stay as they are, whatever acts on those of others.
    front_is_fixed = False
    # Number of tensors, batch first, that this part keeps in the cache: what it puts into `step.state`.
    leaves = 0

    def query_input(self, x: Tensor, step: Step) -> Tensor:
        """Change what queries are projected from, (b, n, d)."""
        return x

    def source_input(self, source: Tensor, step: Step) -> Tensor:
        """Change what keys or values are projected from, (b, m, d)."""
        return source

    def queries(self, q: Tensor, step: Step) -> Tensor:
        """Change queries, (b, h, n, w); before the first part (b, 1, n, w) where heads share them."""
        return q

    def keys_values(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Change keys, (b, g, m, w), and values, (b, g, m, k), of the tokens of this call."""
        return k, v

    def in_front(self, k: Tensor, v: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Return t further keys and values to put in front of (b, g, m, w) and (b, g, m, k)."""
        raise NotImplementedError

    def front_keys(self, k: Tensor, step: Step) -> Tensor:
        """Change the keys that a part puts in front, (b, g, t, w)."""
        return k

    def all_values(self, v: Tensor, step: Step) -> Tensor:
        """Change all values, (b, g, m, k)."""
        return v

    def compared(self, q: Tensor, k: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Change queries, (b, h, n, w), and all keys, (b, g, m, w), to others of any one width."""
        return q, k

    def scores(self, scores: Tensor, step: Step) -> Tensor:
        """Change the scaled products, (b, h, n, m)."""
        return scores

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Change the scores with bias and mask on them, (b, h, n, m)."""
        return scores

    def normalized(self, scores: Tensor, step: Step, *, normalizer: Normalizer) -> Tensor:
        """Turn the masked scores into weights, both (b, h, n, m).

        Args:
            scores: The masked scores.
            step: What it may look at besides.
            normalizer: How they become weights without this part.
        """
        return normalizer(scores)

    def weights(self, weights: Tensor, step: Step) -> Tensor:
        """Change the attention weights, (b, h, n, m)."""
        return weights

    def attended(self, out: Tensor, step: Step) -> Tensor:
        """Change the attended values of each head, (b, h, n, k)."""
        return out

    def merged(self, merged: Tensor, step: Step) -> Tensor:
        """Change the attended values of all heads together, (b, n, h * k)."""
        return merged

    def projected(self, output: Tensor, merged: Tensor) -> Tensor:
        """Change the layer's output, (b, n, d), knowing what it was projected from, (b, n, h * k)."""
        return output


STAGES = (
    "query_input",
    "source_input",
    "queries",
    "keys_values",
    "in_front",
    "front_keys",
    "all_values",
    "compared",
    "scores",
    "masked_scores",
    "normalized",
    "weights",
    "attended",
    "merged",
    "projected",
)
# A part at one of these stages needs the score matrix itself: no fused kernel will do.
NEEDS_SCORES = ("scores", "masked_scores", "normalized", "weights")


def acts_at(part: AttentionPart, stage: str) -> bool:
    """Whether a part overrides a stage."""
    return getattr(type(part), stage) is not getattr(AttentionPart, stage)
