"""What the decoder family has beyond the others."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class DecoderOptions:
    """Fields of the XDecoder family only."""

    prefix_lm: bool = option(
        False,
        "Prefix language model: tokens see each other both ways within a prefix, and backwards behind it. A forward "
        "takes its length as prefix_attn_len (left out: causal throughout); generate takes the prompt for the prefix.",
        feature="layers-prefix-decoder",
        paper="1910.10683",
    )
    num_output_heads: int = option(
        1,
        "Number of output heads. Logits are those of the first, head_logits those of all; labels are for all heads, "
        "(b, n), or for each, (b, n, heads). Generation follows the first.",
        feature="out-multiple-heads",
        minimum=1,
        examples=(3,),
    )
    squeeze_out_last_dim: bool = option(
        False,
        "The single score of each place is a number: logits are (b, n), labels numbers of the same places, and the "
        "loss is the mean squared error.",
        feature="out-squeeze",
        needs={"logits_dim": 1},
    )
    add_continuous_pred_head: bool = option(
        False,
        "A second head predicts the embedding of the next token (return_next_embed_pred); the loss gets its mean "
        "absolute error.",
        feature="out-next-embed-head",
    )
    next_embed_loss_weight: float = option(
        0.1,
        "Factor on the loss of the head that predicts embeddings.",
        feature="out-next-embed-head",
        minimum=0,
        examples=(0.7,),
        needs={"add_continuous_pred_head": True},
    )
