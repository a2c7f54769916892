"""What an encoder-decoder has beside the fields of its two parts."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class Seq2SeqOptions:
    """Fields of the XSeq2Seq family only, beside those of its encoder and its decoder."""

    tie_token_emb: bool = option(
        False,
        "Encoder and decoder have one token embedding.",
        feature="emb-tied-enc-dec",
        paper="1706.03762",
    )
    cross_attn_tokens_dropout: float = option(
        0.0,
        "Share of each row's source tokens that the decoder does not see in a training step.",
        feature="cross-attn-token-dropout",
        paper="2202.07765",
        minimum=0,
        maximum=1,
        examples=(0.5,),
    )
    ignore_index: int = option(
        -100,
        "Label of places that take no part in the loss.",
        feature="loss-seq2seq",
        examples=(0,),
    )
