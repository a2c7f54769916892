"""The keywords of a generation task: which there are, what they may be, and which have an effect together."""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from paddle_xformers.errors import InputError

STRATEGIES = ("greedy_search", "sampling", "beam_search")


@dataclass(frozen=True)
class Setting:
    """What one keyword may be.

    Attributes:
        allowed: The allowed values in words, for messages.
        accepts: Whether a value is allowed.
        only: The decode strategies in which it has an effect; empty for all.
        neutral: A value that changes nothing, and so is never refused for having no effect.
    """

    allowed: str
    accepts: Callable[[Any], bool]
    only: tuple[str, ...] = ()
    neutral: Any = None


def _is_whole(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _is_positive(value: Any) -> bool:
    return _is_number(value) and value > 0


def _is_flag(value: Any) -> bool:
    return isinstance(value, bool)


def _is_token(value: Any) -> bool:
    return value is None or (_is_whole(value) and value >= 0)


def _is_tokens(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return bool(value) and all(_is_whole(one) and one >= 0 for one in value)
    return _is_token(value)


def _at_least(low: int, only: tuple[str, ...] = (), neutral: Any = None) -> Setting:
    return Setting(f"a whole number of at least {low}", lambda v: _is_whole(v) and v >= low, only, neutral)


_SAMPLING, _BEAMS = ("sampling",), ("beam_search",)
_TOKEN = "a token id (a whole number of at least 0), or None"
_TOKENS = "a token id, a list of token ids, or None"

# What generate() is given. The documentation of PaddleNLP's GenerationConfig says what each means.
GENERATION: Mapping[str, Setting] = {
    "max_new_tokens": _at_least(1),
    "min_new_tokens": _at_least(0),
    "decode_strategy": Setting(" or ".join(map(repr, STRATEGIES)), lambda v: v in STRATEGIES),
    "temperature": Setting("a number above 0", _is_positive, _SAMPLING, neutral=1),
    "top_k": _at_least(0, _SAMPLING),
    "top_p": Setting("a number above 0 and at most 1", lambda v: _is_positive(v) and v <= 1, _SAMPLING, neutral=1),
    "num_beams": _at_least(1, _BEAMS, neutral=1),
    "num_beam_groups": _at_least(1, _BEAMS, neutral=1),
    "diversity_rate": Setting("a number of at least 0", lambda v: _is_number(v) and v >= 0, _BEAMS, neutral=0),
    "length_penalty": Setting("a number", _is_number, _BEAMS, neutral=1),
    "early_stopping": Setting("True or False", _is_flag, _BEAMS, neutral=False),
    "num_return_sequences": _at_least(1, _SAMPLING + _BEAMS, neutral=1),
    "repetition_penalty": Setting("a number above 0", _is_positive),
    "no_repeat_ngram_size": Setting(
        "a whole number of at least 1, or None", lambda v: v is None or (_is_whole(v) and v >= 1)
    ),
    "bos_token_id": Setting(_TOKEN, _is_token),
    "eos_token_id": Setting(_TOKENS, _is_tokens),
    "pad_token_id": Setting(_TOKEN, _is_token),
    "forced_bos_token_id": Setting(_TOKEN, _is_token),
    "forced_eos_token_id": Setting(_TOKENS, _is_tokens),
    "use_cache": Setting("True or False", _is_flag),
}
# And what the task itself uses.
SETTINGS: Mapping[str, Setting] = {**GENERATION, "batch_size": _at_least(1)}


def check_values(given: Mapping[str, Any]) -> None:
    """Refuse keywords that do not exist and values that are not allowed.

    Args:
        given: Keyword -> value.

    Raises:
        InputError: With one sentence on the first that is wrong.
    """
    for name, value in given.items():
        if name not in SETTINGS:
            raise InputError(_unknown(name))
        if not SETTINGS[name].accepts(value):
            raise InputError(f"{name}={value!r} is not allowed: give {SETTINGS[name].allowed}.")


def put_over(defaults: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Put checked keywords over the defaults.

    Args:
        defaults: What holds for keywords that are not given.
        given: What the caller wrote.

    Returns:
        Keyword -> value.

    Raises:
        InputError: A keyword is unknown, its value is not allowed, or it has no effect beside the others.
    """
    check_values(given)
    merged = {**defaults, **given}
    strategy = merged["decode_strategy"]
    for name, value in given.items():
        setting = SETTINGS[name]
        if setting.only and strategy not in setting.only and value != setting.neutral:
            ways = " or ".join(f"decode_strategy={way!r}" for way in setting.only)
            raise InputError(f"{name}={value!r} has no effect with decode_strategy={strategy!r}: give {ways} with it.")
    _check_beams(merged)
    _check_lengths(merged)
    return merged


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


def _unknown(name: str) -> str:
    """Say that there is no such keyword, and which one may be meant."""
    near = difflib.get_close_matches(name, list(SETTINGS), n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"there are {', '.join(SETTINGS)}."
    return f"{name!r} is not a keyword of text generation: {hint}"
