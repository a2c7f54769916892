"""Position schemes, one file each.

Each scheme says where it acts: added to the input (`absolute`, `sinusoid`), added to what queries and keys are made of
(`sinusoid`), turning queries and keys (`rotary`, `polar`), or added to the scores of self attention (`alibi`, `t5`,
`dynamic`). Each is a pure function of positions, so that nothing goes stale when lengths change. Biases that tokens
compute are parts of the attention layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paddle import nn

from ...config import StackOptions
from ...config.options import AttentionOptions, PositionOptions
from ...config.registry import make_part, provide
from ...config.resolve import ANY_LENGTH
from .absolute import LearnedPositions
from .alibi import ALiBi, LearnedALiBi
from .dynamic import DynamicBias
from .polar import Polar, Turning
from .rotary import Rotary
from .sinusoid import ScaledSinusoid, Sinusoid
from .t5 import T5Bias


def make_turning(options: PositionOptions, attention: AttentionOptions, layers: Iterable[Any]) -> Turning | None:
    """Build what turns the queries and keys of all self attention layers by their positions, or None.

    Args:
        options: The position fields.
        attention: The attention fields that all layers share.
        layers: The attention fields of each self attention layer, whose queries and keys may differ in width.
    """
    width = max([attention.attn_dim_head, *(layer.key_dim for layer in layers)])
    if options.polar_pos_emb:
        return Polar(attention.heads, width, options)
    return Rotary(attention.attn_dim_head, options, width) if options.rotary_pos_emb else None


def _alibi(options: PositionOptions, attention: AttentionOptions, causal: bool) -> nn.Layer:
    scheme = LearnedALiBi if options.alibi_learned else ALiBi
    return scheme(attention.heads, options.alibi_num_heads, options.alibi_slopes)


def _t5(options: PositionOptions, attention: AttentionOptions, causal: bool) -> nn.Layer:
    scale = options.rel_pos_scale or attention.attn_dim_head**0.5
    return T5Bias(attention.heads, options.rel_pos_num_buckets, options.rel_pos_max_distance, scale, causal=causal)


def _dynamic(options: PositionOptions, attention: AttentionOptions, causal: bool) -> nn.Layer:
    return DynamicBias(attention.heads, options)


provide("position_bias", {"alibi": _alibi, "t5": _t5, "dynamic": _dynamic})
provide("position_embedding", {"sinusoidal": lambda width, options: ScaledSinusoid(width)})


def make_position_bias(stack: StackOptions) -> nn.Layer | None:
    """Build the bias on the scores that `position_bias` names, or None.

    Args:
        stack: Options of the stack.
    """
    options, attention = stack.position, stack.attention
    if options.position_bias == "none":
        return None
    bias: nn.Layer = make_part("position_bias", options.position_bias, options, attention, not stack.looks_ahead)
    if isinstance(bias, DynamicBias):
        bias.reach = _reach(stack)
    return bias


def _reach(stack: StackOptions) -> int | None:
    """How far apart tokens may stand: a segment, and as much in front of it, or all mems; None: any distance."""
    length = stack.position.max_seq_len
    if not 0 < length < ANY_LENGTH:
        return None
    memory = stack.memory
    every, count = memory.memory_tokens_interspersed_every, memory.num_memory_tokens
    if every is not None:
        length += count * (length // every)
    return length + max(length, memory.max_mem_len + count)


def make_position_function(width: int, options: PositionOptions) -> nn.Layer | None:
    """Build what `position_embedding` adds to the embeddings where it is no table, or None.

    Args:
        width: Width of the embeddings.
        options: The position fields.
    """
    if options.position_embedding in ("auto", "learned", "none"):
        return None
    function: nn.Layer = make_part("position_embedding", options.position_embedding, width, options)
    return function


__all__ = [
    "ALiBi",
    "DynamicBias",
    "LearnedALiBi",
    "LearnedPositions",
    "Polar",
    "Rotary",
    "ScaledSinusoid",
    "Sinusoid",
    "T5Bias",
    "Turning",
    "make_position_bias",
    "make_position_function",
    "make_turning",
]
