"""What the encoder family has beyond the others: token types, and one vector for a whole sequence."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class EncoderOptions:
    """Fields of the XEncoder family only."""

    type_vocab_size: int = option(
        0,
        "Number of token types (token_type_ids), each with an embedding of its own; 0: none. BERT has 2.",
        feature="emb-extra-ids",
        paper="1810.04805",
        minimum=0,
        examples=(2,),
    )
    pooler: str = option(
        "cls",
        "How hidden states become one vector for the sequence. cls: that of the first token; mean: the mean over "
        "tokens; attention: a learned query attends to them; none: no vector. Padding is left out.",
        feature="out-cls-token",
        paper="1810.04805; 1908.10084; 1810.00825",
        choices=("cls", "mean", "attention", "none"),
        examples=("mean", "attention"),
    )
    pooler_dense: bool = option(
        False,
        "A linear layer and tanh on the pooled vector, as in BERT.",
        feature="out-cls-token",
        paper="1810.04805",
    )
    pooler_normalize: bool = option(
        False,
        "The pooled vector has length 1, so that the product of two is their cosine.",
        feature="out-average-pool",
        paper="1908.10084",
    )


@dataclass(frozen=True)
class MaskedLMOptions:
    """The head of XEncoderForMaskedLM."""

    lm_head_transform: bool = option(
        False,
        "A linear layer, GELU and LayerNorm in front of the output head of the masked language model, as in BERT.",
        feature="emb-tied-output",
        paper="1810.04805",
    )
