"""From the vectors of a front end to the first hidden state."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class EmbeddingOptions:
    """What every family does with its embeddings, whatever they stand for."""

    emb_dropout: float = option(
        0.0,
        "Dropout on the embeddings.",
        feature="emb-dropout",
        paper="1810.04805",
        minimum=0,
        maximum=1,
        examples=(0.5,),
    )
    emb_frac_gradient: float = option(
        1.0,
        "Share of the gradient that reaches the embeddings; the numbers of the forward stay the same.",
        feature="emb-frac-gradient",
        paper="2105.13290; 2210.02414",
        above=0,
        maximum=1,
        examples=(0.1,),
    )
    post_emb_norm: bool = option(
        False,
        "LayerNorm on the sum of embedding and position embedding; norm='layernorm' gives it norm_bias and norm_eps.",
        feature="emb-post-norm",
        paper="2211.05100",
    )
