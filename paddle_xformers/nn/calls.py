"""What is asked of a stack, and what all its attention layers share: masks and positions, made once a forward."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from paddle import Tensor, nn

from ..config import StackOptions
from ..config.options import AttentionOptions
from ..errors import InputError
from .attention.cache import PADDING, Cache, Steps, cache_length, first_keys, room_left
from .attention.call import AttentionCall
from .attention.deltas import Deltas
from .attention.front import Given
from .attention.masks import Mask, make_mask, over_all, windowed
from .memory import Mems
from .places import Places, make_places, token_positions, within
from .positions import Sinusoid, Turning
from .records import LayerRecord
from .residuals import looks_along
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
        condition: What adaptive norms and scales depend on, (b, c), or (b, n, c) for each new token, or None.
        key_mask: Which keys self attention may look at, (b, keys), beside attention_mask, or None.
        bias: Added to the scores of self attention, (b or 1, h or 1, n or 1, keys), or None.
        deltas: What is added inside each self attention layer, in the order of execution; empty: nothing.
        given: Keys and values for self attention layers, or None.
        kv_residuals: What is added to the inputs of keys and values, by kind of the layers, `a` or `c`: one entry a
            layer from the first that runs, (b or 1, tokens, c).
        in_attn_cond: Added to the input of every branch, before its norm, (b, d) or (b, n, d), or None.
        order: The layers to run, in place of the configuration's order, or None.
        repeat_blocks: The blocks to run more than once, or None.
        transform: What changes the input of blocks, or None.
        log_probs: Return the logarithms of the probabilities of drawn keys.
        intermediates: Return what each layer read and scored.
        packed: Cumulative lengths of the sequences in one row, for the models; None: each row is one.
        packed_context: Likewise of the context.
        context_positions: Positions of the context, (b or 1, m), or None to count them by its mask.
        prefix_len: Tokens at positions below it are seen by all, (b) or a number; None: no prefix.
        deep_embeds: Factors of the feed-forward outputs of each new token, (b, n, layers, d), or None.
        prepended: Vectors between memory tokens and tokens that are no padding, (b, p), 1 or 0; they count as new
            tokens otherwise. None: there are none, or the cache knows of them.
        columns: Columns of vectors in front, past and new tokens, (b, p + tokens), where memory tokens stand between
            them and rows may differ; else None.
        rounds: How often the stack runs, of models that run it more than once.
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
    condition: Tensor | None = None
    key_mask: Tensor | None = None
    bias: Tensor | None = None
    deltas: tuple[Deltas, ...] = ()
    given: Given | None = None
    kv_residuals: Mapping[str, Sequence[Tensor]] = field(default_factory=dict)
    in_attn_cond: Tensor | None = None
    order: Sequence[int] | None = None
    repeat_blocks: Sequence[Any] | None = None
    transform: Any = None
    log_probs: bool = False
    intermediates: bool = False
    packed: Mapping[str, Any] | None = None
    packed_context: Mapping[str, Any] | None = None
    context_positions: Tensor | None = None
    prefix_len: Tensor | int | None = None
    deep_embeds: Tensor | None = None
    prepended: Tensor | None = None
    columns: Tensor | None = None
    rounds: int = 1
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
        log_probs: Logarithms of the probabilities of drawn keys, (b, h, n), of each self attention layer that draws.
        records: What each layer read and scored, in the order they ran.
        loops: What each loop of a looped model gave, (b, n, d).
        exit_logits: The exit gate of a looped model after each loop, (b, n, loops).
    """

    hidden: Tensor
    cache: Cache | None = None
    mems: Mems | None = None
    hidden_states: list[Tensor] = field(default_factory=list)
    attentions: list[Tensor] = field(default_factory=list)
    cross_attentions: list[Tensor] = field(default_factory=list)
    log_probs: list[Tensor] = field(default_factory=list)
    records: list[LayerRecord] = field(default_factory=list)
    loops: list[Tensor] = field(default_factory=list)
    exit_logits: Tensor | None = None


@dataclass(frozen=True)
class Shared:
    """What the layers of one forward share.

    Args:
        places: Positions of queries and keys.
        room: Spare places that a reserved cache has left.
        calls: What each kind of attention layer, `a` or `c`, is called with.
        line: How the tokens line up for layers that look along them; None: none does, or there is no padding.
        own: What single layers are called with besides, by their place in the order of execution.
    """

    places: Places
    room: int
    calls: dict[str, AttentionCall]
    line: Line | None = None
    own: Mapping[int, Mapping[str, Any]] = field(default_factory=dict)

    def call_of(self, kind: str, step: int) -> AttentionCall | None:
        """Return what a layer is called with; None for a feed-forward layer.

        Args:
            kind: Kind of the layer.
            step: Its place in the order of execution.
        """
        call, own = self.calls.get(kind), self.own.get(step)
        return call if call is None or own is None else dataclasses.replace(call, **own)


def share(
    x: Tensor,
    tokens: Tensor,
    call: StackCall,
    options: StackOptions,
    steps: Steps,
    turning: Turning | None,
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
        turning: What turns queries and keys by their positions, or None.
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
        prepended=call.prepended,
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
        key_mask=call.key_mask,
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
    if call.bias is not None:
        bias = over_all(call.bias.astype(x.dtype), n, sizes(places.keys)[1], room)
        mask, windows = _with_bias(mask, bias), {past: _with_bias(seen, bias) for past, seen in windows.items()}
    line = _line(x, call, places, options)
    plain = AttentionCall(
        mask,
        windows=windows,
        past_length=cache_length(call.cache),
        output_attentions=call.output_attentions or call.intermediates,
        use_cache=call.use_cache,
        q_positions=places.queries,
        k_positions=places.keys,
        room=room,
        first=-options.memory.num_memory_tokens,
        line=line,
        log_probs=call.log_probs,
    )
    calls = {"a": plain if turning is None else _with_angles(plain, x, places.queries, places.new, options, turning)}
    if sinusoid is not None:
        calls["a"] = _with_sinusoid(calls["a"], places, sinusoid, x.dtype)
    if any(step.kind == "c" for step in steps):
        context_mask = _context_mask(call, n, x.dtype, steps)
        calls["c"] = dataclasses.replace(plain, mask=context_mask, windows={}, static_source=True)
        if turning is not None and options.position.cross_attn_rotary_pos_emb:
            calls["c"] = _with_angles(calls["c"], x, places.queries, _context_positions(call), options, turning)
    return Shared(places, room, calls, line, _of_single_layers(call, steps))


def _of_single_layers(call: StackCall, steps: Steps) -> dict[int, dict[str, Any]]:
    """What the caller puts into single attention layers, by their place in the order of execution."""
    found: dict[int, dict[str, Any]] = {}
    if not (call.deltas or call.given or call.kv_residuals):
        return found
    places = {kind: [place for place, step in enumerate(steps) if step.kind == kind] for kind in "ac"}
    fronts = [] if call.given is None else call.given.of_layers(len(places["a"]))
    for name, entries in (("deltas", call.deltas), ("front", fronts)):
        for place, entry in zip(places["a"], entries, strict=False):
            found.setdefault(place, {})[name] = entry
    for kind, residuals in call.kv_residuals.items():
        for place, residual in zip(places[kind], residuals, strict=False):
            found.setdefault(place, {})["kv_residual"] = residual
    return found


def _prefix(call: StackCall, places: Places) -> Tensor | None:
    """Keys of the prefix, (b or 1, m). Beside a cache all queries are behind it, and causality lets them see it."""
    if call.prefix_len is None or call.cache is not None:
        return None
    return within(call.prefix_len, places.keys)


def _line(x: Tensor, call: StackCall, places: Places, options: StackOptions) -> Line | None:
    """How the tokens line up, where a layer looks along them and a mask of two axes may tell of padding."""
    mask = call.attention_mask
    along = looks_along(options.residual) or any(layer.lines_up for layer in options.layers)
    if mask is None or mask.ndim != 2 or not along:
        return None
    return line_up((places.queries > PADDING).expand([sizes(x)[0], -1]))


def _with_angles(
    call: AttentionCall, x: Tensor, queries: Tensor, keys: Tensor | None, options: StackOptions, turning: Turning
) -> AttentionCall:
    """Angles of the positions of queries and of new keys, both (b or 1, n); None: all keys are cached."""
    batch, heads = sizes(x)[0], options.attention.heads
    q_angles = turning.angles(queries, batch=batch, heads=heads, dtype=x.dtype)
    k_angles = None if keys is None else q_angles
    if keys is not None and (keys is not queries or turning.fades):
        k_angles = turning.angles(keys, batch=batch, heads=heads, dtype=x.dtype, of_keys=True)
    return dataclasses.replace(call, q_angles=q_angles, k_angles=k_angles)


def _context_positions(call: StackCall) -> Tensor | None:
    """Positions of the context, (b or 1, m); None beside a cache, which holds its keys."""
    if call.cache is not None or call.context is None:
        return None
    return token_positions(sizes(call.context)[1], call.context_mask, call.context_positions, None)


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
