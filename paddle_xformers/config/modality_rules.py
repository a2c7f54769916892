"""The rules between the fields of numbers among tokens, and of several streams of tokens."""

from __future__ import annotations

from .rule import Rule, Values


def _no_names(v: Values) -> bool:
    names = v["stream_names"]
    return not names or len(set(names)) < len(names) or not all(name.isidentifier() for name in names)


MODALITY_RULES: tuple[Rule, ...] = (
    Rule(
        ("numerical_token_id", "num_tokens"),
        lambda v: v["numerical_token_id"] >= v["num_tokens"],
        "numerical_token_id={numerical_token_id} is no token of a vocabulary of num_tokens={num_tokens}; use one of 0 "
        "to num_tokens - 1",
    ),
    Rule(
        ("stream_names",),
        _no_names,
        "stream_names={stream_names!r} must hold at least one name, each once, of letters, digits and underscores, "
        "such as 'note'",
    ),
    Rule(
        ("stream_names", "stream_num_tokens"),
        lambda v: len(v["stream_names"]) != len(v["stream_num_tokens"]),
        "stream_names={stream_names!r} and stream_num_tokens={stream_num_tokens!r} differ in length; give one size for "
        "each name",
    ),
    Rule(
        ("stream_num_tokens",),
        lambda v: any(size < 1 for size in v["stream_num_tokens"]),
        "stream_num_tokens={stream_num_tokens!r} must hold sizes of at least 1",
    ),
)
