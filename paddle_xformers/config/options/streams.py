"""Several streams of tokens side by side: at each place one token of each stream."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class StreamOptions:
    """Fields of the XMultiInput family only: the streams and their vocabularies."""

    stream_names: tuple[str, ...] = option(
        ("first", "second"),
        "Names of the streams of tokens, in their order.",
        feature="mod-multi-input",
        examples=(("word", "tag"),),
    )
    stream_num_tokens: tuple[int, ...] = option(
        (256, 256),
        "Size of the vocabulary of each stream.",
        feature="mod-multi-input",
        examples=((61, 43),),
    )
