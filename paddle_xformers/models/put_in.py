"""What a caller puts into the layers of one forward: keys and values, and what is added to their inputs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import paddle
from paddle import Tensor

from ..errors import InputError
from ..nn.attention.attention import Attention
from ..nn.attention.cache import Cache, cache_length, states
from ..nn.attention.front import Given, Pair
from ..nn.calls import StackCall
from ..nn.stack import Stack
from .prompts import check_cover

_PAIRS = "self_attn_additional_kv"
# Those with a row for each row of tokens, and the others.
WITH_ROWS = (_PAIRS, "additional_kv_mask", "self_attn_kv_residuals", "cross_attn_kv_residuals", "in_attn_cond")
PUT_IN = (*WITH_ROWS, "detach_additional_kv", "route_additional_kv_to_top")
_RESIDUALS = {"a": "self_attn_kv_residuals", "c": "cross_attn_kv_residuals"}


def put_in(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a StackCall that such arguments of a forward stand for.

    Args:
        extras: As `paddle_xformers.models.extras.Extras`.

    Raises:
        InputError: If one has no effect without another.
    """
    pairs, mask, detach = extras.get(_PAIRS), extras.get("additional_kv_mask"), extras.get("detach_additional_kv")
    to_top = extras.get("route_additional_kv_to_top")
    if not pairs:
        for name, given in (("additional_kv_mask", mask is not None), ("detach_additional_kv", bool(detach))):
            if given:
                raise InputError(f"{name} has no effect without {_PAIRS}; give both or none")
    residuals = {kind: extras.get(name) for kind, name in _RESIDUALS.items()}
    return {
        "given": Given(pairs, mask, bool(detach), to_top is not False) if pairs else None,
        "kv_residuals": {
            kind: [given] if given.ndim == 3 else list(given) for kind, given in residuals.items() if given is not None
        },
        "in_attn_cond": extras.get("in_attn_cond"),
    }


def key_values(model: Any, past_key_values: Cache) -> list[Pair]:
    """Return keys and values of a model's self attention layers, to be given to another model.

    Args:
        model: The model that returned the cache.
        past_key_values: Its cache.

    Returns:
        A pair a layer, (b, g, m, w) and (b, g, m, k), memory tokens included, as `self_attn_additional_kv` wants them.
    """
    stack: Stack = getattr(model, "base_model", model).stack
    length = cache_length(past_key_values)
    kept = zip(stack.steps, states(past_key_values, stack.steps), strict=True)
    return [(state[0][:, :, :length], state[1][:, :, :length]) for step, state in kept if step.kind == "a"]


def check_put_in(stack: Stack, b: int, n: int, call: StackCall) -> None:
    """Refuse what does not fit the layers that run.

    Args:
        stack: The stack.
        b: Batch size.
        n: Number of new tokens.
        call: What is asked of the stack.

    Raises:
        InputError: If something does not fit.
    """
    if call.given is None and not call.kv_residuals and call.in_attn_cond is None:
        return
    layers = [stack.layers[index] for index in stack.order_of(call)]
    if call.given is not None:
        _check_given(call.given, [layer.attn for layer in layers if layer.kind == "a"], b)
    if call.in_attn_cond is not None:
        _check_condition(stack, b, n, call.in_attn_cond)
    lengths = {"a": n, "c": None if call.context is None else call.context.shape[1]}
    for kind, residuals in call.kv_residuals.items():
        found = [stack.options.layers[index] for index in stack.order_of(call) if stack.layers[index].kind == kind]
        width = (found[0].context_dim if found else None) or stack.options.dim
        _check_residuals(_RESIDUALS[kind], residuals, len(found), b, lengths[kind], width)


def _check_given(given: Given, layers: list[Attention], b: int) -> None:
    if not layers:
        raise InputError(f"{_PAIRS} is for self attention, and the stack has none; leave it out")
    fronts = given.of_layers(len(layers))
    for place, (front, layer) in enumerate(zip(fronts, layers, strict=True)):
        if front.pair is None:
            continue
        options, shapes = layer.options, [list(part.shape) for part in front.pair]
        keys, values = shapes
        fits = len(keys) == len(values) == 4 and keys[:3] == values[:3] and keys[0] == b and keys[2] > 0
        width = layer.kept_key_dim
        fits = fits and options.heads % keys[1] == 0 and (keys[3], values[3]) == (width, options.value_dim)
        if not fits or not all(part.is_floating_point() for part in front.pair):
            raise InputError(
                f"{_PAIRS} has {keys} and {values} for self attention layer {place}; give floats, ({b}, a, m, "
                f"{width}) and ({b}, a, m, {options.value_dim}), where a divides heads={options.heads}"
            )
        mask = given.mask
        if mask is not None and list(mask.shape) != [b, keys[2]]:
            raise InputError(
                f"additional_kv_mask has shape {list(mask.shape)}, but {_PAIRS} has {keys[2]} places for self "
                f"attention layer {place}; give one for each, ({b}, {keys[2]})"
            )


def _check_condition(stack: Stack, b: int, n: int, condition: Tensor) -> None:
    if stack.options.residual.reinject_input:
        raise InputError(
            "in_attn_cond takes the place of what reinject_input=True adds to the inputs of branches; leave one out"
        )
    d = stack.options.dim
    if list(condition.shape) not in ([b, d], [b, n, d]) or not condition.is_floating_point():
        raise InputError(
            f"in_attn_cond has shape {list(condition.shape)} and dtype {condition.dtype}; give floats, ({b}, dim={d}), "
            f"or ({b}, {n}, {d}): one for each new token"
        )


def _check_residuals(name: str, given: Any, layers: int, b: int, n: int | None, width: int) -> None:
    if len(given) > layers:
        kind = "self" if name == _RESIDUALS["a"] else "cross"
        raise InputError(
            f"{name} is for {len(given)} layers, but this model runs {layers} {kind} attention layers; give at most as "
            "many, or leave it out"
        )
    for residual in given:
        shape = list(residual.shape)
        fits = len(shape) == 3 and shape[0] == b and n in (None, shape[1]) and shape[2] == width
        if not fits or not residual.is_floating_point():
            places = "m" if n is None else n
            raise InputError(
                f"{name} has {shape} and dtype {residual.dtype} for a layer; give floats, ({b}, {places}, {width}), or "
                "one such for each of the first layers"
            )


def repeated_rows(name: str, given: Any, times: int) -> Any:
    """Repeat every row for its beams or returned sequences.

    Args:
        name: Name of the argument.
        given: What the caller gave.
        times: How often.
    """
    if name == _PAIRS:
        return [
            pair if pair is None else tuple(part.repeat_interleave(times, axis=0) for part in pair) for pair in given
        ]
    axis = 1 if name in _RESIDUALS.values() and given.ndim == 4 else 0
    if given.dtype == paddle.bool:  # Paddle's own function knows none
        return given.astype("int64").repeat_interleave(times, axis=axis) > 0
    return given.repeat_interleave(times, axis=axis)


def check_put_in_covers(given: Mapping[str, Any], tokens: int) -> None:
    """Refuse arguments with an entry for each token that leave out some of those to come.

    Args:
        given: Arguments of generate().
        tokens: Number of tokens that there will be at most.

    Raises:
        InputError: If one covers fewer.
    """
    check_cover("in_attn_cond", given.get("in_attn_cond"), tokens)
    residuals = given.get(_RESIDUALS["a"])
    if residuals is not None and residuals.ndim in (3, 4):
        check_cover(_RESIDUALS["a"], residuals if residuals.ndim == 3 else residuals[0], tokens)


def put_in_of_step(given: Mapping[str, Any], start: int, stop: int) -> dict[str, Any]:
    """Return what a step of generate() needs of such arguments.

    Args:
        given: Arguments of generate(); those that have an entry for each token have it for those to come as well.
        start: The first new token of the step.
        stop: Number of tokens so far.
    """
    found = {name: given[name] for name in PUT_IN if given.get(name) is not None}
    for name in ("in_attn_cond", _RESIDUALS["a"]):
        if name in found and found[name].ndim > 2:
            found[name] = found[name][..., start:stop, :]
    return found


def taken_from(others: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Divide arguments into those that are put into layers and the others.

    Args:
        others: Arguments by name.
    """
    inside = {name: value for name, value in others.items() if name in PUT_IN}
    return inside, {name: value for name, value in others.items() if name not in PUT_IN}
