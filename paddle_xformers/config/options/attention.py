"""Attention: what happens to scores, weights and values."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import ATTENTION, option
from .projection import ProjectionOptions


@dataclass(frozen=True)
class AttentionOptions(ProjectionOptions):
    """Options of one attention layer. Every `attn_*` field also exists as `cross_attn_*`."""

    attn_dropout: float = option(
        0.0,
        "Dropout on the attention weights.",
        feature="attn-dropout",
        paper="1207.0580",
        minimum=0,
        maximum=1,
        per_layer=ATTENTION,
        examples=(0.5,),
    )
    attn_sublayer_dropout: float = option(
        0.0,
        "Dropout on the output of the attention branch.",
        feature="attn-sublayer-dropout",
        paper="1706.03762",
        minimum=0,
        maximum=1,
        per_layer=ATTENTION,
        examples=(0.5,),
    )
    add_value_residual: bool = option(
        False,
        "Mix the values of the first attention layer into the values of the later ones.",
        feature="residual-value",
        paper="2410.17897",
    )
    learned_value_residual_mix: bool = option(
        True,
        "The share of the layer's own values is a learned gate a token and head; else one half.",
        feature="residual-value",
        paper="2410.17897",
        needs={"add_value_residual": True},
    )
    attn_zero_init_output: bool = option(
        False,
        "The output projection starts at zero, so that the branch starts as nothing.",
        feature="residual-zero-init",
        paper="1901.09321",
        per_layer=ATTENTION,
    )
    attn_normalizer: str = option(
        "softmax",
        "What turns scores into weights. entmax15: 1.5-entmax, which gives exact zeros. sigmoid: each key for itself, "
        "without a sum of 1. hard: all weight on the best key, with the gradient of softmax.",
        feature="attn-entmax15",
        paper="1706.03762; 1905.05702; 2409.04431; 2410.01104",
        choices=("softmax", "entmax15", "sigmoid", "hard"),
        per_layer=ATTENTION,
        socket="attn_normalizer",
    )
    attn_sparse_topk: int | None = option(
        None,
        "Each query attends only to this many best keys.",
        feature="attn-sparse-topk",
        paper="1912.11637",
        minimum=1,
        per_layer=ATTENTION,
        examples=(3,),
    )
    attn_sparse_topk_straight_through: bool = option(
        False,
        "The gradient of the sparse weights is that of the full ones, so that keys left out learn too.",
        feature="attn-sparse-topk",
        paper="2505.22074",
        per_layer=ATTENTION,
        beside={"attn_sparse_topk": 3},
    )
    attn_softclamp_logits: bool = option(
        False,
        "Scores are capped softly, by tanh.",
        feature="attn-softclamp-logits",
        paper="2408.00118",
        per_layer=ATTENTION,
        beside={"attn_scale": 4.0},
    )
    attn_logit_softclamp_value: float = option(
        50.0,
        "What capped scores stay below.",
        feature="attn-softclamp-logits",
        paper="2408.00118",
        above=0,
        per_layer=ATTENTION,
        examples=(0.5,),
        needs={"attn_softclamp_logits": True},
    )
    attn_head_learned_sink: bool = option(
        False,
        "A learned score for each head takes weight away from all keys.",
        feature="attn-learned-sink",
        paper="2508.10925",
        per_layer=ATTENTION,
    )
    attn_cog_signed: bool = option(
        False,
        "Cog attention: weights are made of the scores without their signs, and then get those signs.",
        feature="attn-cog-signed",
        paper="2411.07176",
        per_layer=ATTENTION,
    )
    attn_pre_talking_heads: bool = option(
        False,
        "Heads add a learned mix of all heads' scores to their own.",
        feature="attn-talking-heads",
        paper="2003.02436",
        per_layer=ATTENTION,
    )
    attn_post_talking_heads: bool = option(
        False,
        "Heads use a learned mix of all heads' weights.",
        feature="attn-talking-heads",
        paper="2003.02436",
        per_layer=ATTENTION,
    )
    attn_pre_scale_post_talking_heads: bool = option(
        False,
        "Weights are multiplied by a learned mix of all heads' scores.",
        feature="attn-pre-scale-post-talking-heads",
        per_layer=ATTENTION,
    )
    attn_head_scale: bool = option(
        False,
        "A learned factor on what each head attended.",
        feature="attn-head-scale",
        paper="2110.09456",
        per_layer=ATTENTION,
    )
    attn_laser: bool = option(
        False,
        "Attention over the exponentials of the values; the logarithm of what was attended goes on.",
        feature="attn-laser",
        paper="2411.03493",
        per_layer=ATTENTION,
    )
    attn_laser_softclamp_value: float = option(
        15.0,
        "What values stay below, capped by tanh, before they become exponents.",
        feature="attn-laser",
        paper="2411.03493",
        above=0,
        per_layer=ATTENTION,
        examples=(0.5,),
        needs={"attn_laser": True},
    )
    attn_add_zero_kv: bool = option(
        False,
        "A key and a value of zeros that every query sees.",
        feature="attn-add-zero-kv",
        per_layer=ATTENTION,
    )
    attn_num_mem_kv: int = option(
        0,
        "Number of learned keys and values that every query sees.",
        feature="attn-mem-kv",
        paper="1907.01470",
        minimum=0,
        per_layer=ATTENTION,
        examples=(2,),
    )
    attn_gate_values: bool = option(
        False,
        "A gate computed from the layer's input multiplies what was attended.",
        feature="attn-gate-values",
        paper="2608.11805",
        per_layer=ATTENTION,
    )
    attn_gate_values_rank: int | None = option(
        None,
        "That gate is computed through this many features; None: at once.",
        feature="attn-gate-values",
        paper="2608.11805",
        minimum=1,
        per_layer=ATTENTION,
        examples=(3,),
        needs={"attn_gate_values": True},
    )
    attn_gate_values_headwise: bool = option(
        False,
        "That gate is one for each head in place of one for each feature.",
        feature="attn-gate-values",
        paper="2608.11805",
        per_layer=ATTENTION,
        needs={"attn_gate_values": True},
    )
    attn_output_gate: bool = option(
        False,
        "A gate computed from what was attended multiplies it; beside attn_gate_values the logits are added.",
        feature="attn-output-gate",
        paper="2608.11805",
        per_layer=ATTENTION,
    )
    attn_output_gate_rank: int | None = option(
        None,
        "That gate is computed through this many features; None: at once.",
        feature="attn-output-gate",
        paper="2608.11805",
        minimum=1,
        per_layer=ATTENTION,
        examples=(3,),
        needs={"attn_output_gate": True},
    )
    attn_output_gate_headwise: bool = option(
        False,
        "That gate is one for each head in place of one for each feature.",
        feature="attn-output-gate",
        paper="2608.11805",
        per_layer=ATTENTION,
        needs={"attn_output_gate": True},
    )
    attn_low_rank_silu_gates: bool = option(
        True,
        "The features that a gate is computed through pass a SiLU.",
        feature="attn-output-gate",
        paper="2608.11805",
        per_layer=ATTENTION,
        beside={"attn_gate_values": True, "attn_gate_values_rank": 3},
    )
    attn_swiglu_values: bool = option(
        False,
        "The activation of these gates is a SiLU in place of a sigmoid.",
        feature="attn-gate-values",
        paper="2608.11805",
        per_layer=ATTENTION,
        beside={"attn_gate_values": True},
    )
    attn_gate_value_heads: bool = option(
        False,
        "A gate for each head, computed from the layer's input and open at the start, multiplies what was attended.",
        feature="attn-gate-value-heads",
        paper="2306.12929",
        per_layer=ATTENTION,
    )
    attn_on_attn: bool = option(
        False,
        "Attention on attention: a gate computed from what was attended multiplies the output.",
        feature="attn-on-attn",
        paper="1908.06954",
        per_layer=ATTENTION,
    )
    max_attend_past: int | None = option(
        None,
        "Sliding window: a query sees itself and this many tokens before it. Of self attention alone. None: all.",
        feature="attn-window",
        paper="2004.05150",
        minimum=0,
        per_layer=ATTENTION,
        examples=(1, (2, None)),
    )
    residual_attn: bool = option(
        False,
        "The scores of the self attention layer before are added to each one's.",
        feature="residual-attention-scores",
        paper="2012.11747",
    )
    cross_residual_attn: bool = option(
        False,
        "The scores of the cross attention layer before are added to each one's.",
        feature="residual-attention-scores",
        paper="2012.11747",
        needs={"cross_attend": True},
    )
    attn_kernel: str = option(
        "auto",
        "How attention is computed; all give the same numbers. auto: the fastest one that can do what the "
        "call needs. eager: step by step, the oracle. fused: Paddle's scaled_dot_product_attention. blockwise: "
        "by blocks of queries on the CPU. The last two fall back to eager where they cannot.",
        feature="attn-flash",
        paper="2205.14135",
        choices=("auto", "eager", "fused", "blockwise"),
    )
