"""What a model remembers: learned memory tokens, and the hidden states of the segment before."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class MemoryTokenOptions:
    """Memory tokens, for families that read one segment only."""

    num_memory_tokens: int = option(
        0,
        "Number of learned tokens in front of every sequence.",
        feature="mem-tokens",
        paper="2006.11527",
        minimum=0,
        examples=(3,),
    )


@dataclass(frozen=True)
class MemoryOptions(MemoryTokenOptions):
    """Memory tokens (learned) and mems (recurrent); neither is the key/value cache."""

    max_mem_len: int = option(
        0,
        "Transformer-XL: how many hidden states of the segments before each layer keeps (return_mems, mems). "
        "Decoders only.",
        feature="mem-xl",
        paper="1901.02860",
        minimum=0,
        examples=(6, 20),
    )
    memory_tokens_interspersed_every: int | None = option(
        None,
        "Memory tokens stand also between tokens: in front of every segment of this many tokens of a row, where they "
        "take positions; padding and a cache move none of them. None: in front of the row alone.",
        feature="mem-tokens-interspersed",
        paper="2006.11527",
        minimum=1,
        examples=(4, 1),
        beside={"num_memory_tokens": 2},
    )
    shift_mem_down: int = option(
        0,
        "Each layer reads the memory of the layer this many levels up.",
        feature="mem-shift-down",
        paper="2012.15688",
        minimum=0,
        examples=(1,),
        beside={"max_mem_len": 6},
    )
