"""The keywords of tasks that generate, and which have an effect together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from paddle_xformers.errors import InputError
from paddle_xformers.serving.settings import Setting, Settings, at_least, flag, is_flag, is_number, is_whole

STRATEGIES = ("greedy_search", "sampling", "beam_search")


def _is_positive(value: Any) -> bool:
    return is_number(value) and value > 0


def _is_token(value: Any) -> bool:
    return value is None or (is_whole(value) and value >= 0)


def _is_tokens(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(is_whole(one) and one >= 0 for one in value)
    return _is_token(value)


_SAMPLING, _BEAMS = ("sampling",), ("beam_search",)
_TOKEN = Setting("a token id (a whole number of at least 0), or None", _is_token)
_TOKENS = Setting("a token id, a list of token ids, or None", _is_tokens)

# What generate() is given. The documentation of PaddleNLP's GenerationConfig says what each means.
GENERATION: Settings = {
    "max_new_tokens": at_least(1),
    "min_new_tokens": at_least(0),
    "decode_strategy": Setting(" or ".join(map(repr, STRATEGIES)), lambda v: v in STRATEGIES),
    "temperature": Setting("a number above 0", _is_positive, _SAMPLING, neutral=1),
    "top_k": at_least(0, _SAMPLING),
    "top_p": Setting("a number above 0 and at most 1", lambda v: _is_positive(v) and v <= 1, _SAMPLING, neutral=1),
    "num_beams": at_least(1, _BEAMS, neutral=1),
    "num_beam_groups": at_least(1, _BEAMS, neutral=1),
    "diversity_rate": Setting("a number of at least 0", lambda v: is_number(v) and v >= 0, _BEAMS, neutral=0),
    "length_penalty": Setting("a number", is_number, _BEAMS, neutral=1),
    "early_stopping": Setting("True or False", is_flag, _BEAMS, neutral=False),
    "num_return_sequences": at_least(1, _SAMPLING + _BEAMS, neutral=1),
    "repetition_penalty": Setting("a number above 0", _is_positive),
    "no_repeat_ngram_size": Setting(
        "a whole number (0 forbids no repetition), or None", lambda v: v is None or (is_whole(v) and v >= 0)
    ),
    "bos_token_id": _TOKEN,
    "eos_token_id": _TOKENS,
    "pad_token_id": _TOKEN,
    "forced_bos_token_id": _TOKEN,
    "forced_eos_token_id": _TOKENS,
    "use_cache": flag(),
}
# And what only a model with a source and a target is given.
TARGET: Settings = {"decoder_start_token_id": _TOKEN}


def defaults_of(config: Any, names: Settings) -> dict[str, Any]:
    """Return what holds when nothing is given: what the folder's generation configuration says.

    Args:
        config: The generation configuration of the model.
        names: The keywords.
    """
    defaults = {name: getattr(config, name) for name in names if getattr(config, name, None) is not None}
    usual = type(config)().max_new_tokens
    if config.max_new_tokens == usual and config.max_length:  # generate() takes the older name then, too
        defaults["max_new_tokens"] = config.max_length
    return defaults


def settled(merged: Mapping[str, Any], given: Mapping[str, Any], settings: Settings) -> dict[str, Any]:
    """Refuse keywords that have no effect beside the others; defaults without effect become neutral.

    Args:
        merged: The value of every keyword.
        given: What the caller wrote of it.
        settings: The keywords that exist.

    Returns:
        The value of every keyword that generate() is to have.

    Raises:
        InputError: With one sentence on the first that is wrong, or that nothing can be generated with.
    """
    strategy, values = merged["decode_strategy"], dict(merged)
    for name, setting in settings.items():
        if not setting.only or strategy in setting.only:
            continue
        if name not in given:
            if setting.neutral is not None:
                values[name] = setting.neutral
        elif given[name] != setting.neutral:
            ways = " or ".join(f"decode_strategy={way!r}" for way in setting.only)
            raise InputError(
                f"{name}={given[name]!r} has no effect with decode_strategy={strategy!r}: give {ways} with it."
            )
    _check_beams(values)
    _check_lengths(values)
    return values


def check_tokens(given: Mapping[str, Any], size: int, field: str) -> None:
    """Refuse ids of special tokens that are none of the vocabulary.

    Args:
        given: Keyword -> value.
        size: Size of the vocabulary.
        field: Name of the field that holds it.

    Raises:
        InputError: With one sentence on the first that is wrong.
    """
    for name, value in given.items():
        ids = value if isinstance(value, (list, tuple)) else [value]
        if name.endswith("_token_id") and any(one is not None and one >= size for one in ids):
            raise InputError(f"{name}={value!r} is no token of the model, which has {field}={size}: give ids below it.")


def _check_beams(merged: Mapping[str, Any]) -> None:
    """Refuse numbers of beams that no beam search can work with."""
    if merged["decode_strategy"] != "beam_search":
        return
    beams, groups = merged["num_beams"], merged["num_beam_groups"]
    if beams < 2:
        raise InputError(f"num_beams={beams} is too few for decode_strategy='beam_search': give 2 or more.")
    if beams % groups:
        raise InputError(
            f"num_beams={beams} cannot be split into num_beam_groups={groups}: give a multiple of {groups}."
        )
    answers = merged["num_return_sequences"]
    if answers > beams:
        raise InputError(f"num_return_sequences={answers} is more than num_beams={beams}: give at most {beams}.")


def _check_lengths(merged: Mapping[str, Any]) -> None:
    least, most = merged["min_new_tokens"], merged["max_new_tokens"]
    if least > most:
        raise InputError(
            f"min_new_tokens={least} is more than max_new_tokens={most}: lower the first or raise the second."
        )
