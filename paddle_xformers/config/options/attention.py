"""Attention: heads, projections and what happens to values and scores."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import ATTENTION, option


@dataclass(frozen=True)
class AttentionOptions:
    """Options of one attention layer. Every `attn_*` field also exists as `cross_attn_*`."""

    heads: int = option(
        8, "Number of query heads.", feature="attn-multi-head", paper="1706.03762", minimum=1, examples=(3,)
    )
    attn_dim_head: int = option(
        64,
        "Width of a head; independent of dim / heads.",
        feature="attn-multi-head",
        paper="1706.03762",
        minimum=1,
        examples=(6,),
    )
    attn_kv_heads: int | None = option(
        None,
        "Number of key/value heads (grouped-query attention; 1: multi-query). None: heads.",
        feature="attn-kv-heads",
        paper="2305.13245",
        minimum=1,
        per_layer=ATTENTION,
        examples=(1, 2, (4, 2)),
    )
    attn_scale: float | None = option(
        None,
        "Factor on the query-key products; None: attn_dim_head**-0.5. T5 uses 1.",
        feature="attn-multi-head",
        above=0,
        per_layer=ATTENTION,
        examples=(1.0,),
    )
    attn_qkv_bias: bool = option(
        False,
        "Query, key and value projections have a bias (GPT-2, BERT).",
        feature="attn-multi-head",
        per_layer=ATTENTION,
    )
    attn_out_bias: bool = option(
        False,
        "The output projection has a bias (GPT-2, BERT).",
        feature="attn-output-projection",
        per_layer=ATTENTION,
    )
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
    attn_kernel: str = option(
        "auto",
        "How attention is computed; all give the same numbers. auto: the fastest one that can do what the "
        "call needs. eager: step by step, the oracle. fused: Paddle's scaled_dot_product_attention. blockwise: "
        "by blocks of queries on the CPU. The last two fall back to eager where they cannot.",
        feature="attn-flash",
        paper="2205.14135",
        choices=("auto", "eager", "fused", "blockwise"),
    )
