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
    num_pooled_tokens: int = option(
        1,
        "Number of learned queries of the attention pooling. What they find stands side by side in the pooled vector.",
        feature="out-attn-pool",
        paper="1810.00825",
        minimum=1,
        examples=(3,),
        needs={"pooler": "attention"},
    )
    attn_pool_depth: int = option(
        1,
        "Blocks of attention pooling. 1: a single attention. More: that many blocks of cross attention and "
        "feed-forward layer with norms and residuals, as in a CrossAttender.",
        feature="out-attn-pool",
        paper="1810.00825; 2103.03206",
        minimum=1,
        examples=(2,),
        needs={"pooler": "attention"},
    )
    dim_pooled_tokens: int | None = option(
        None,
        "Width of what each query of the attention pooling finds; None: dim.",
        feature="out-attn-pool",
        paper="1810.00825",
        minimum=1,
        examples=(12,),
        needs={"pooler": "attention"},
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

    def pooled_width(self, dim: int) -> int:
        """Width of the vector of a sequence.

        Args:
            dim: Width of the hidden states.
        """
        return self.num_pooled_tokens * (self.dim_pooled_tokens or dim)


@dataclass(frozen=True)
class MaskedLMOptions:
    """The head of XEncoderForMaskedLM."""

    lm_head_transform: bool = option(
        False,
        "A linear layer, GELU and LayerNorm in front of the output head of the masked language model, as in BERT.",
        feature="emb-tied-output",
        paper="1810.04805",
    )
