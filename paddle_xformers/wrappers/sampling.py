"""How x-transformers says what may be drawn, in the words of PaddleNLP's generate."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from paddle import Tensor

from .._compat import import_paddlenlp
from ..errors import InputError

import_paddlenlp()

from paddlenlp.generation.logits_process import LogitsProcessor, LogitsProcessorList  # noqa: E402


class _Filter(LogitsProcessor):
    """A caller's function of the logits in the place where PaddleNLP's loops process them."""

    def __init__(self, function: Callable[..., Tensor], arguments: Mapping[str, Any]) -> None:
        self.function = function
        self.arguments = dict(arguments)

    def __call__(self, input_ids: Tensor, logits: Tensor) -> Tensor:
        return self.function(logits, **self.arguments)


def sampling_settings(
    temperature: float,
    filter_logits_fn: str | Callable[..., Tensor],
    thres: float | None,
    arguments: Mapping[str, Any] | None,
    num_tokens: int,
) -> dict[str, Any]:
    """Return the arguments of PaddleNLP's generate that sample as x-transformers does.

    Args:
        temperature: Divides the logits; 0 takes the most likely token.
        filter_logits_fn: "top_k", "top_p", or a function from logits to logits, (b, v).
        thres: The old port's filter_thres: 1 - thres is kept of the tokens, or of their probability. None: not given.
        arguments: Arguments of the filter. None: not given.
        num_tokens: Size of the vocabulary.

    Raises:
        InputError: If a value is not allowed, or would have no effect.
    """
    if temperature < 0:
        raise InputError(f"temperature={temperature} is not allowed; give 0 (the most likely token) or more")
    if temperature == 0:
        return {"decode_strategy": "greedy_search"}
    settings: dict[str, Any] = {"decode_strategy": "sampling", "temperature": temperature, "top_k": 0, "top_p": 1.0}
    given = dict(arguments or {})
    if thres is not None and given:
        raise InputError("filter_thres and filter_kwargs exclude each other; give filter_kwargs")
    if callable(filter_logits_fn):
        given |= {} if thres is None else {"thres": thres}
        return {**settings, "logits_processors": LogitsProcessorList([_Filter(filter_logits_fn, given)])}
    if filter_logits_fn == "top_k":
        share = given.pop("frac_num_tokens", 0.1) if thres is None else 1 - thres
        k = given.pop("k", None)
        settings["top_k"] = max(1, min(math.ceil(share * num_tokens) if k is None else k, num_tokens))
    elif filter_logits_fn == "top_p":
        settings["top_p"] = given.pop("thres", 0.9) if thres is None else 1 - thres
    else:
        raise InputError(
            f"filter_logits_fn={filter_logits_fn!r} is not allowed; give 'top_k', 'top_p' or a function of the logits"
        )
    if given:
        raise InputError(f"filter_kwargs={given!r} has no effect on {filter_logits_fn}; see generate's docstring")
    return settings
