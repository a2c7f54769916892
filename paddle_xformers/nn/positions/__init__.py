"""Position schemes, one file each.

Each scheme says where it acts: added to the input (`absolute`, `sinusoid`), added to what queries and keys are made of
(`sinusoid`), turning queries and keys (`rotary`), or added to the scores of self attention (`alibi`, `t5`, `dynamic`).
Each is a pure function of positions, so that nothing goes stale when lengths change. Biases that tokens compute are
parts of the attention layer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from paddle import nn

from ...config import StackOptions
from ...config.options import AttentionOptions, PositionOptions
from ...config.resolve import ANY_LENGTH
from .absolute import LearnedPositions
from .alibi import ALiBi, LearnedALiBi
from .dynamic import DynamicBias
from .rotary import Rotary
from .sinusoid import ScaledSinusoid, Sinusoid
from .t5 import T5Bias


def make_rotary(options: PositionOptions, attention: AttentionOptions, layers: Iterable[Any]) -> Rotary | None:
    """Build the rotary positions that all self attention layers share, or None.

    Args:
        options: The position fields.
        attention: The attention fields that all layers share.
        layers: The attention fields of each self attention layer, whose queries and keys may differ in width.
    """
    if not options.rotary_pos_emb:
        return None
    widths = [attention.attn_dim_head, *(layer.key_dim for layer in layers)]
    return Rotary(attention.attn_dim_head, options, max(widths))


def make_position_bias(stack: StackOptions) -> nn.Layer | None:
    """Build the bias on the scores that `position_bias` names, or None.

    Args:
        stack: Options of the stack.
    """
    options, attention = stack.position, stack.attention
    if options.position_bias == "alibi":
        scheme = LearnedALiBi if options.alibi_learned else ALiBi
        return scheme(attention.heads, options.alibi_num_heads, options.alibi_slopes)
    if options.position_bias == "t5":
        scale = options.rel_pos_scale or attention.attn_dim_head**0.5
        buckets, distance = options.rel_pos_num_buckets, options.rel_pos_max_distance
        return T5Bias(attention.heads, buckets, distance, scale, causal=stack.causal)
    if options.position_bias == "dynamic":
        return DynamicBias(attention.heads, max(stack.dim // 4, 1), options, _reach(stack))
    return None


def _reach(stack: StackOptions) -> int | None:
    """How far a query can be from a key: tokens, and memory in front of them; None: any distance."""
    tokens, memory = stack.position.max_seq_len, stack.memory
    in_front = memory.num_memory_tokens + memory.max_mem_len
    return tokens + in_front if 0 < tokens < ANY_LENGTH else None


__all__ = [
    "ALiBi",
    "DynamicBias",
    "LearnedALiBi",
    "LearnedPositions",
    "Rotary",
    "ScaledSinusoid",
    "Sinusoid",
    "T5Bias",
    "make_position_bias",
    "make_rotary",
]
