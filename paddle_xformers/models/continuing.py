"""The loop of models whose next step is not one token of one vocabulary: what one step draws goes in at the next."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import paddle
from paddle import Tensor

from ..config import nearest
from ..errors import InputError
from .prompts import check_cover
from .put_in import PUT_IN, check_put_in_covers, put_in_of_step
from .steps import grown_mask, of_step, with_room, with_zeros

# What the first step alone takes: later ones have it in their cache.
_FIRST = ("mems", "prepend_embeds", "prepend_mask")
# What such a generate() takes beside the arguments that it names.
_FURTHER = ("self_attn_kv_mask", *PUT_IN)


def check_further(others: Mapping[str, Any], tokens: int) -> None:
    """Refuse further arguments of generate() that there are none of, or that do not cover the tokens to come.

    Args:
        others: Arguments by name.
        tokens: Number of tokens that there will be.

    Raises:
        InputError: If one is unknown, or covers fewer.
    """
    for name in others:
        if name not in _FURTHER:
            near = nearest(name, _FURTHER)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "leave it out"
            raise InputError(f"generate() has no argument {name!r}; {hint}")
    check_put_in_covers(others, tokens)


def continued(
    model: Any,
    prompt: Tensor,
    count: int,
    drawn: Callable[[Any, Tensor | None], Tensor],
    *,
    attention_mask: Tensor | None,
    use_cache: bool,
    given: Mapping[str, Any],
) -> Tensor:
    """Return what follows a prompt, (b, count, ...); dropout is off meanwhile.

    Args:
        model: Head of a causal model, whose output holds `past_key_values`.
        prompt: What it continues, (b, n, ...).
        count: Number of steps.
        drawn: From the output of a step and the mask of everything so far to what comes next, (b, 1, ...).
        attention_mask: Which of the prompt is no padding, (b, n), or None.
        use_cache: Keep keys and values; False computes them all anew at each step, to the same result.
        given: Further arguments of the forward; those that have an entry for each token have it for those to come as
            well, but for sum_embeds, which are of the prompt, and self_attn_kv_mask, which new tokens extend.

    Raises:
        InputError: If one of them covers too few tokens, or does not fit the model.
    """
    n, given = prompt.shape[1], {name: value for name, value in given.items() if value is not None}
    condition, added, seen = (given.pop(name, None) for name in ("condition", "sum_embeds", "self_attn_kv_mask"))
    check_cover("condition", condition, n + count)
    first = {name: given.pop(name) for name in _FIRST if name in given}
    step, mask, cache, new = prompt, attention_mask, None, []
    was_training = model.training
    model.eval()
    try:
        with paddle.no_grad():
            for stop in range(n, n + count):
                start = 0 if cache is None else stop - 1
                arguments = {**given, **put_in_of_step(given, start, stop)}
                if cache is None:
                    arguments |= first if added is None else {**first, "sum_embeds": with_zeros(added, stop)}
                if condition is not None:
                    arguments["condition"] = of_step(condition, stop, cached=cache is not None)
                if seen is not None:
                    arguments["self_attn_kv_mask"] = seen
                output = model(
                    step,
                    attention_mask=mask,
                    past_key_values=cache,
                    use_cache=use_cache,
                    return_dict=True,
                    **arguments,
                )
                new.append(drawn(output, mask))
                step = new[-1] if use_cache else paddle.concat([step.astype(new[-1].dtype), new[-1]], axis=1)
                mask = None if mask is None else grown_mask(mask)
                seen = None if seen is None else grown_mask(seen)
                if use_cache:
                    cache = with_room(output.past_key_values, model.base_model.stack)
    finally:
        if was_training:
            model.train()
    return paddle.concat(new, axis=1)
