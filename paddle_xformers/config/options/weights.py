"""Attention: other ways to weights, and what becomes of what was attended."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import ATTENTION, option
from .projection import ProjectionOptions


@dataclass(frozen=True)
class WeightOptions(ProjectionOptions):
    """Options of drawn weights, of queries that compete, and of belief attention; a part of `AttentionOptions`."""

    attn_gumbel_softmax_temp: float = option(
        1.0,
        "Temperature of attn_normalizer='gumbel': scores and noise are divided by it.",
        feature="attn-gumbel-softmax",
        paper="1611.01144",
        above=0,
        per_layer=ATTENTION,
        examples=(0.5,),
        needs={"attn_normalizer": "gumbel"},
        beside={"attn_gumbel_softmax_hard": False},
    )
    attn_gumbel_softmax_hard: bool = option(
        True,
        "With attn_normalizer='gumbel' all weight goes to the key that was drawn, with the gradient of soft weights.",
        feature="attn-gumbel-softmax",
        paper="1611.01144",
        per_layer=ATTENTION,
        needs={"attn_normalizer": "gumbel"},
    )
    attn_inverted_attention: bool = option(
        False,
        "Queries compete for keys: a key's weights are a softmax over the queries, and each query's then add up to 1. "
        "In causal models over the queries so far, in cross attention too. x-transformers does so in cross "
        "attention alone, there over later queries as well.",
        feature="attn-inverted",
        paper="2006.15055",
        per_layer=ATTENTION,
    )
    attn_orthog_projected_values: bool = option(
        False,
        "Belief attention: of what a token attended only what is orthogonal to its own values goes on, all heads being "
        "one vector. x-transformers takes the whole sequence for one vector, which lets the future in.",
        feature="attn-belief",
        paper="openreview Ard2QzPAUK",
        per_layer=ATTENTION,
        across=False,
    )
    attn_orthog_projected_values_per_head: bool = option(
        False,
        "The same for each head by itself; with both, the output projection reads both.",
        feature="attn-belief",
        paper="openreview Ard2QzPAUK",
        per_layer=ATTENTION,
        across=False,
    )

    @property
    def beliefs(self) -> int:
        """Number of vectors of the width of all heads that the output projection reads."""
        return max(1, self.attn_orthog_projected_values + self.attn_orthog_projected_values_per_head)
