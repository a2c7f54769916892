"""Further arguments of a forward, about single layers, which models and heads pass on together."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypedDict

from paddle import Tensor

from ..config import nearest
from ..config.options import AttentionOptions
from ..errors import InputError
from ..nn.attention.deltas import Deltas
from ..nn.calls import StackCall
from ..nn.interspersed import tokens_held
from ..nn.order import check_transform
from ..nn.stack import Stack
from .put_in import put_in


class Extras(TypedDict, total=False):
    """What a forward takes beside its own arguments; None is as good as leaving one out.

    Attributes:
        self_attn_kv_mask: Which tokens self attention may look at, (b, all), beside attention_mask (2210.13432): int or
            bool: where > 0; float: added to the scores. A token that is hidden is no padding: it has its position, and
            looks at others. Beside a cache it covers past and new tokens, at every call.
        attn_bias: Floats that are added to the scores of all self attention layers, (b or 1, heads or 1, n or 1, all);
            axes in front may be left out. Any position bias is added as well. Gets a gradient.
        attn_deltas: What is added inside self attention: one entry a layer, in the order of execution, each a mapping
            from `q_delta`, `k_delta`, `v_delta` (to the projections, (b or 1, n, width)), `o_delta` (to what all heads
            attended, before gates and the output projection) and `attn_delta` (to the weights of the keys that are
            seen, shaped like attn_bias) to tensors, or None. All of the new tokens.
        self_attn_additional_kv: Keys and values in front of those of self attention layers, seen by every query: one
            pair a layer, or None, (b, a, m, w) and (b, a, m, k), the last for the last layer that runs; those of
            another model, say, as `key_values` takes them from its cache. Heads fewer than the layer's own are written
            out; with polar_pos_emb keys are points, twice as wide. They are neither moved by positions nor kept in the
            cache: give them with every call.
        additional_kv_mask: Which of them may be seen, (b, m): int or bool: where > 0; float: added to the scores.
        detach_additional_kv: Let no gradient go back into them.
        route_additional_kv_to_top: With False the first pair is for the first layer instead; None is as True.
        self_attn_kv_residuals: Added to the inputs of keys and values, and not of queries, in self attention
            (2510.17558): (b, n, d) in the first layer that runs, (l, b, n, d) in the first l. Of the new tokens.
        cross_attn_kv_residuals: Likewise to what cross attention looks at, (b, m, c) or (l, b, m, c); beside a cache,
            which holds its keys and values, they count for nothing.
        in_attn_cond: Added to the input of every branch, before its norm (MuseMorphose, 2105.04090): (b, d), or
            (b, n, d), of the new tokens.
        layers_execute_order: Indices of the built layers in the order they run in this forward, in place of the
            configuration's. The calls that share a cache or mems need the same order.
        repeat_blocks: Blocks that run more than once in this forward, a block after the other: (block, times),
            ((first, last), times), or a list of these; blocks count from 0, the others run once.
        transform_block_inputs: What changes the input of blocks: functions by block, counted from 1, each of the
            residual stream, (b, n, d) (with several streams (b, n, s, d)), or one function of the block and the stream.
            The stream of block 1 is the embedded sequence, memory tokens and positions included.
        return_intermediates: Return what each layer read and scored, as intermediates, and the last states of memory
            tokens, as memory_states: of bare models and those that predict tokens or vectors.
        return_gumbel_log_probs: Return the logarithm of the probability, before the draw, of the key that each query
            drew, as gumbel_log_probs (needs attn_normalizer="gumbel").
        token_emb_kwargs: What a registered embedder (`token_emb`) is called with beside the token ids, by name; of
            models that read tokens.
        flash_pack_seq_kwargs: For token models: one row holds several sequences, of which each gives what it gives
            alone. A mapping with cu_seqlens_q, their cumulative lengths from 0, (s + 1), and, where that is a tensor,
            max_seqlen_q; cu_seqlens_k and max_seqlen_k are those of q.
        encoder_position_ids: Positions of encoder_hidden_states, (b or 1, m), where cross_attn_rotary_pos_emb is on;
            by default they count what encoder_attention_mask keeps. Beside a cache, which holds the keys, it has no
            effect.
        flash_pack_seq_context_kwargs: Likewise cu_seqlens_k and max_seqlen_k of encoder_hidden_states.
    """

    self_attn_kv_mask: Tensor | None
    attn_bias: Tensor | None
    attn_deltas: Sequence[Mapping[str, Tensor | None] | None] | None
    self_attn_additional_kv: Sequence[tuple[Tensor, Tensor] | None] | None
    additional_kv_mask: Tensor | None
    detach_additional_kv: bool
    route_additional_kv_to_top: bool | None
    self_attn_kv_residuals: Tensor | None
    cross_attn_kv_residuals: Tensor | None
    in_attn_cond: Tensor | None
    layers_execute_order: Sequence[int] | None
    repeat_blocks: Sequence[Any] | None
    transform_block_inputs: Mapping[int, Callable[[Tensor], Tensor]] | Callable[[int, Tensor], Tensor] | None
    return_gumbel_log_probs: bool
    return_intermediates: bool
    token_emb_kwargs: Mapping[str, Any] | None
    flash_pack_seq_kwargs: Mapping[str, Any] | None
    flash_pack_seq_context_kwargs: Mapping[str, Any] | None
    encoder_position_ids: Tensor | None


# Those that any stack takes.
_OF_THE_STACK = tuple(name for name in Extras.__annotations__ if name != "token_emb_kwargs")

_DELTAS = {"q_delta": "q", "k_delta": "k", "v_delta": "v", "o_delta": "o", "attn_delta": "weights"}


def taken(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments of a StackCall that further arguments of a forward stand for.

    Args:
        extras: As `Extras`.

    Raises:
        InputError: If there is no such argument, or a delta has another name.
    """
    for name in extras:
        if name not in _OF_THE_STACK:
            near = nearest(name, _OF_THE_STACK)
            hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "leave it out"
            raise InputError(f"the forward has no argument {name!r}; {hint}")
    return {
        "key_mask": extras.get("self_attn_kv_mask"),
        "bias": extras.get("attn_bias"),
        "deltas": tuple(_deltas(entry) for entry in extras.get("attn_deltas") or ()),
        **put_in(extras),
        "order": extras.get("layers_execute_order"),
        "repeat_blocks": extras.get("repeat_blocks"),
        "transform": extras.get("transform_block_inputs"),
        "packed": extras.get("flash_pack_seq_kwargs"),
        "packed_context": extras.get("flash_pack_seq_context_kwargs"),
        "context_positions": extras.get("encoder_position_ids"),
        "intermediates": bool(extras.get("return_intermediates")),
        "log_probs": bool(extras.get("return_gumbel_log_probs")),
    }


def check_returned(head: str, extras: Mapping[str, Any], names: Sequence[str]) -> None:
    """Refuse to ask a head for what only its base model returns.

    Args:
        head: Name of its class.
        extras: As `Extras`.
        names: The arguments that ask for it.

    Raises:
        InputError: If one of them is given.
    """
    for name in names:
        if extras.get(name):
            raise InputError(f"{head} does not return what {name} asks for; call its base_model, which does")


def told_to_embedder(extras: Any) -> dict[str, Any]:
    """Take what is meant for the token embedder out of the further arguments of a forward.

    Args:
        extras: As `Extras`; the argument is taken out of them.

    Returns:
        The argument of the embeddings, or nothing.
    """
    told = extras.pop("token_emb_kwargs", None)
    return {} if told is None else {"token_emb_kwargs": told}


def _deltas(given: Mapping[str, Any] | None) -> Deltas:
    for name in given or ():
        if name not in _DELTAS:
            raise InputError(f"attn_deltas has an entry with {name!r}; its names are {', '.join(_DELTAS)}")
    return Deltas(**{_DELTAS[name]: delta for name, delta in (given or {}).items()})


def check_order(stack: Stack, call: StackCall) -> None:
    """Refuse an order of layers that there is none of, and functions of blocks that do not run.

    Args:
        stack: The stack.
        call: What is asked of the stack.

    Raises:
        InputError: If one does not fit.
    """
    steps = len(stack.order_of(call))
    check_transform(call.transform, -(-steps // stack.options.block_length))


def check_extras(stack: Stack, b: int, n: int, call: StackCall) -> None:
    """Refuse further arguments whose shapes or types do not fit.

    Args:
        stack: The stack.
        b: Batch size.
        n: Number of new tokens.
        call: What is asked of the stack.

    Raises:
        InputError: If one does not fit.
    """
    _check_context_positions(stack, b, call)
    if call.key_mask is None and call.bias is None and not call.deltas and not call.log_probs:
        return
    layers = [stack.options.layers[index] for index in stack.order_of(call)]
    branches: list[Any] = [layer.branch for layer in layers if layer.kind == "a"]
    if not branches:
        raise InputError(
            "self_attn_kv_mask, attn_bias and attn_deltas act on self attention, and the stack has none; leave them out"
        )
    if call.log_probs and all(branch.attn_normalizer != "gumbel" for branch in branches):
        raise InputError(
            "return_gumbel_log_probs needs weights that are drawn; set attn_normalizer='gumbel' or leave it out"
        )
    fewest, most = tokens_held(call.cache, stack.options.memory)
    keys = range(fewest + n, most + n + 1)
    if call.key_mask is not None and (call.key_mask.ndim != 2 or not _fits(call.key_mask, ((b,), keys))):
        raise InputError(
            f"self_attn_kv_mask has shape {list(call.key_mask.shape)}; give ({b}, {keys[-1]}): one for each past and "
            "new token"
        )
    square = ((1, b), (1, stack.options.attention.heads), (1, n), keys)
    if call.bias is not None:
        _check_square("attn_bias", call.bias, square)
    if call.deltas and len(call.deltas) != len(branches):
        raise InputError(
            f"attn_deltas has {len(call.deltas)} entries, but this model runs {len(branches)} self attention layers; "
            "give one for each, or None for a layer that is left alone"
        )
    for layer, (deltas, branch) in enumerate(zip(call.deltas, branches, strict=False)):
        _check_deltas(deltas, f"attn_deltas[{layer}]", branch, b, n)
        if deltas.weights is not None:
            _check_square(f"the attn_delta of attn_deltas[{layer}]", deltas.weights, square)


def _check_context_positions(stack: Stack, b: int, call: StackCall) -> None:
    given = call.context_positions
    if given is None:
        return
    if not stack.options.position.cross_attn_rotary_pos_emb:
        raise InputError(
            "encoder_position_ids has no effect while cross_attn_rotary_pos_emb=False; set it or leave the argument out"
        )
    m = None if call.context is None else call.context.shape[1]
    if given.ndim != 2 or given.shape[0] not in (1, b) or m not in (None, given.shape[1]) or given.is_floating_point():
        raise InputError(
            f"encoder_position_ids has shape {list(given.shape)} and dtype {given.dtype}; give integers, ({b} or 1, "
            f"{'length' if m is None else m}): one for each place of encoder_hidden_states"
        )


def check_alone(call: StackCall) -> None:
    """Refuse what is about single queries and keys beside vectors in front of the tokens, which it does not cover.

    Args:
        call: What is asked of the stack, with such vectors.

    Raises:
        InputError: If there is any of it.
    """
    if call.bias is not None or call.deltas:
        raise InputError(
            "attn_bias and attn_deltas are about tokens, and do not go with prepend_embeds in front of them; leave one "
            "of them out"
        )


def _check_deltas(deltas: Deltas, name: str, branch: Any, b: int, n: int) -> None:
    options: AttentionOptions = branch
    widths = {
        "q": options.query_heads * options.key_dim,
        "k": options.projected_key_heads * options.key_dim,
        "v": options.value_heads * options.value_dim,
        "o": options.heads * options.value_dim,
    }
    for kind, width in widths.items():
        delta = getattr(deltas, kind)
        if delta is None:
            continue
        if delta.ndim != 3 or not _fits(delta, ((1, b), (n,), (width,))) or not delta.is_floating_point():
            raise InputError(
                f"the {kind}_delta of {name} has shape {list(delta.shape)} and dtype {delta.dtype}; give floats, "
                f"({b} or 1, {n}, {width})"
            )


def _check_square(name: str, given: Tensor, square: tuple[Any, ...]) -> None:
    axes = square[4 - given.ndim :]
    if not 2 <= given.ndim <= 4 or not _fits(given, axes) or not given.is_floating_point():
        (_, b), (_, heads), (_, n), keys = square
        raise InputError(
            f"{name} has shape {list(given.shape)} and dtype {given.dtype}; give floats, ({b} or 1, {heads} or 1, {n} "
            f"or 1, {keys[-1]}), keys counting past and new tokens"
        )


def _fits(given: Tensor, axes: tuple[Any, ...]) -> bool:
    return all(size in allowed for size, allowed in zip(given.shape, axes, strict=True))
