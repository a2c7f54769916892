"""What is asked of a stack, and what all its attention layers share: masks and positions, made once a forward."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import Any

from paddle import Tensor, nn

from ..config import StackOptions
from ..config.options import AttentionOptions
from ..errors import InputError
from .attention.cache import PADDING, Cache, Steps, cache_length, first_keys, room_left
from .attention.call import AttentionCall
from .attention.masks import Mask, make_mask, windowed
from .memory import Mems
from .places import Places, make_places, within
from .positions import Rotary, Sinusoid
from .shift import Line, line_up
from .sizes import sizes


@dataclass(frozen=True)
class StackCall:
    """What one forward asks of the stack.

    Args:
        attention_mask: The caller's mask over the tokens, or None.
        cache: What the layers kept of the tokens before, or None.
        mems: States of the segment before, or None.
        context: What cross attention looks at, (b, m, c), or None.
        context_mask: Mask over the context, or None.
        prefix_len: Tokens at positions below it are seen by all, (b) or a number; None: no prefix.
        lead: Number of memory tokens in front of the new tokens.
        use_cache: Return a cache.
        output_attentions: Return attention weights.
        output_hidden_states: Return the stream before each block and the last hidden state.
        return_mems: Return the states the next segment may read.
    """

    attention_mask: Tensor | None = None
    cache: Cache | None = None
    mems: Mems | None = None
    context: Tensor | None = None
    context_mask: Tensor | None = None
    prefix_len: Tensor | int | None = None
    lead: int = 0
    use_cache: bool = False
    output_attentions: bool = False
    output_hidden_states: bool = False
    return_mems: bool = False


@dataclass
class StackOutput:
    """What the stack gives back; lists are empty unless asked for.

    Args:
        hidden: The last hidden state, normed, (b, n, d).
        cache: What the layers kept of all tokens so far.
        mems: States for the next segment.
        hidden_states: The stream before each block, then the last hidden state, each (b, n, d).
        attentions: Weights of each self attention layer, (b, h, n, m).
        cross_attentions: Weights of each cross attention layer, (b, h, n, m).
    """

    hidden: Tensor
    cache: Cache | None = None
    mems: Mems | None = None
    hidden_states: list[Tensor] = field(default_factory=list)
    attentions: list[Tensor] = field(default_factory=list)
    cross_attentions: list[Tensor] = field(default_factory=list)


@dataclass(frozen=True)
class Shared:
    """What the layers of one forward share.

    Args:
        places: Positions of queries and keys.
        room: Spare places that a reserved cache has left.
        calls: What each kind of attention layer, `a` or `c`, is called with.
        line: How the tokens line up for token shift; None: there is no padding among them, or no shift.
    """

    places: Places
    room: int
    calls: dict[str, AttentionCall]
    line: Line | None = None


def share(
    x: Tensor,
    tokens: Tensor,
    call: StackCall,
    options: StackOptions,
    steps: Steps,
    rotary: Rotary | None,
    position_bias: nn.Layer | None,
    sinusoid: Sinusoid | None = None,
) -> Shared:
    """Make masks and positions for all layers of a forward.

    Args:
        x: Memory tokens and embedded new tokens, (b, n, d).
        tokens: Positions of the new tokens, (b or 1, n - lead).
        call: What is asked.
        options: Options of the stack.
        steps: What each step of the stack keeps.
        rotary: The stack's rotary positions, or None.
        position_bias: The stack's bias on the scores, or None.
        sinusoid: What position infused attention adds to the inputs of queries and keys, or None.

    Raises:
        InputError: If a reserved cache has too little room, or cross attention gets nothing to look at.
    """
    n = sizes(x)[1]
    room = room_left(call.cache, n, steps)
    if room < 0:
        raise InputError(
            f"{n} new tokens do not fit into the {n + room} spare places of this reserved cache; "
            "pass at most as many, or call reserve again"
        )
    places = make_places(
        tokens,
        cache=call.cache,
        lead=call.lead,
        mem_valid=None if call.mems is None else call.mems[0],
        room=room,
        mask_covers_padding=call.attention_mask is not None,
    )
    mask = make_mask(
        call.attention_mask,
        n=n,
        m=sizes(places.keys)[1] - room,
        causal=options.causal,
        key_valid=places.valid,
        seen_by_all=_prefix(call, places),
        lead_rows=call.lead,
        room=room,
        rows=x.shape[0],
        heads=options.attention.heads,
        dtype=x.dtype,
    )
    windows = _windows(mask, places, options, x.dtype)
    if position_bias is not None:
        bias = position_bias(places.queries, places.keys).astype(x.dtype)
        mask, windows = _with_bias(mask, bias), {past: _with_bias(seen, bias) for past, seen in windows.items()}
    plain = AttentionCall(
        mask,
        windows=windows,
        past_length=cache_length(call.cache),
        output_attentions=call.output_attentions,
        use_cache=call.use_cache,
        places=places,
    )
    calls = {"a": plain if rotary is None else _with_angles(plain, x, places, options, rotary)}
    if sinusoid is not None:
        calls["a"] = _with_sinusoid(calls["a"], places, sinusoid, x.dtype)
    if any(step.kind == "c" for step in steps):
        context_mask = _context_mask(call, n, x.dtype, steps)
        calls["c"] = dataclasses.replace(plain, mask=context_mask, windows={}, places=None, static_source=True)
    return Shared(places, room, calls, _line(x, call, places, options))


def _prefix(call: StackCall, places: Places) -> Tensor | None:
    """Keys of the prefix, (b or 1, m). Beside a cache all queries are behind it, and causality lets them see it."""
    if call.prefix_len is None or call.cache is not None:
        return None
    return within(call.prefix_len, places.keys)


def _line(x: Tensor, call: StackCall, places: Places, options: StackOptions) -> Line | None:
    """How the tokens line up, where a layer shifts them and a mask of two axes may tell of padding."""
    mask = call.attention_mask
    if mask is None or mask.ndim != 2 or not any(layer.shift for layer in options.layers):
        return None
    return line_up((places.queries > PADDING).expand([sizes(x)[0], -1]))


def _with_angles(
    call: AttentionCall, x: Tensor, places: Places, options: StackOptions, rotary: Rotary
) -> AttentionCall:
    batch, heads = sizes(x)[0], options.attention.heads
    q_angles = k_angles = rotary.angles(places.queries, batch=batch, heads=heads, dtype=x.dtype)
    if places.new is not places.queries or rotary.fades:
        k_angles = rotary.angles(places.new, batch=batch, heads=heads, dtype=x.dtype, of_keys=True)
    return dataclasses.replace(call, q_angles=q_angles, k_angles=k_angles)


def _with_sinusoid(call: AttentionCall, places: Places, sinusoid: Sinusoid, dtype: Any) -> AttentionCall:
    queries = keys = sinusoid(places.queries, dtype)  # (b or 1, n, d)
    if places.new is not places.queries:
        keys = sinusoid(places.new, dtype)  # (b or 1, m, d)
    return dataclasses.replace(call, q_sinusoid=queries, k_sinusoid=keys)


def _windows(mask: Mask, places: Places, options: StackOptions, dtype: Any) -> dict[int | None, Mask]:
    """One mask for each width of a sliding window that a self attention layer has."""
    branches = (layer.branch for layer in options.layers if layer.kind == "a")
    widths = {branch.max_attend_past for branch in branches if isinstance(branch, AttentionOptions)}
    return {past: windowed(mask, places.queries, places.keys, past, dtype) for past in widths if past is not None}


def _with_bias(mask: Mask, bias: Tensor) -> Mask:
    """Add a position bias, (b or 1, h, n, m), to a mask."""
    total = bias if mask.bias is None else mask.bias + bias
    return dataclasses.replace(mask, bias=total, simple=False)


def _context_mask(call: StackCall, n: int, dtype: Any, steps: Steps) -> Mask:
    """The mask over the context, which is at hand or, from the second step on, in the cache."""
    if call.cache is not None:
        m = sizes(first_keys(call.cache, steps, "c"))[2]
    elif call.context is not None:
        m = sizes(call.context)[1]
    else:
        raise InputError(
            "this model has cross attention (cross_attend=True) but got no encoder_hidden_states; "
            "pass the hidden states of an encoder, (batch, length, cross_attn_dim_context)"
        )
    return make_mask(call.context_mask, n=n, m=m, causal=False, lead_rows=call.lead, dtype=dtype)
