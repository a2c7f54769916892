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
