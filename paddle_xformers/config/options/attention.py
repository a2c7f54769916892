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
        "Number of key/value heads (grouped-query attention; 1: multi-query); with attn_collab_heads of value "
        "heads alone. None: heads.",
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
    attn_qk_norm: bool = option(
        False,
        "Cosine similarity: queries and keys are divided by their length, and attn_qk_norm_scale takes the place of "
        "attn_scale.",
        feature="attn-qk-norm",
        paper="2010.04245",
        per_layer=ATTENTION,
    )
    attn_qk_norm_groups: int = option(
        1,
        "Groups of features of a head, each of which is divided by its own length.",
        feature="attn-qk-norm",
        paper="2010.04245",
        minimum=1,
        per_layer=ATTENTION,
        examples=(2,),
        needs={"attn_qk_norm": True},
    )
    attn_qk_norm_scale: float = option(
        10.0,
        "Factor on the products of normed queries and keys.",
        feature="attn-qk-norm",
        paper="2010.04245",
        above=0,
        per_layer=ATTENTION,
        examples=(4.0,),
        needs={"attn_qk_norm": True},
    )
    attn_qk_norm_dim_scale: bool = option(
        False,
        "A learned factor on each feature of normed queries and keys; the factor on the products is attn_scale again.",
        feature="attn-qk-norm-dim-scale",
        paper="2302.05442",
        per_layer=ATTENTION,
        needs={"attn_qk_norm": True},
    )
    attn_qk_norm_learned_temperature: bool = option(
        False,
        "The factor on the products is learned for each head: 1 / max(exp(s), 0.01).",
        feature="attn-qk-norm-learned-temperature",
        paper="2010.04245",
        per_layer=ATTENTION,
        needs={"attn_qk_norm": True},
    )
    attn_qk_norm_seq_len: int | None = option(
        None,
        "Length L of the sequences to expect: the learned factor starts at log2(L * L - L). None: see "
        "attn_qk_norm_temperature_init.",
        feature="attn-qk-norm-learned-temperature",
        paper="2010.04245",
        minimum=2,
        per_layer=ATTENTION,
        examples=(16,),
        needs={"attn_qk_norm_learned_temperature": True},
        beside={"attn_qk_norm": True},
    )
    attn_qk_norm_temperature_init: float | None = option(
        None,
        "What the s of the learned factor starts at. None: as attn_qk_norm_seq_len says, else -3, the value for 1024 "
        "tokens.",
        feature="attn-qk-norm-learned-temperature",
        paper="2010.04245",
        per_layer=ATTENTION,
        examples=(-2.0,),
        needs={"attn_qk_norm_learned_temperature": True},
        beside={"attn_qk_norm": True},
    )
    attn_collab_heads: bool = option(
        False,
        "Collaborative heads: one projection of queries and one of keys serve all heads, which weigh its features "
        "each in their own way.",
        feature="attn-collab-heads",
        paper="2006.16362",
        per_layer=ATTENTION,
    )
    attn_collab_compression: float = option(
        0.3,
        "Width of the shared queries and keys, as a share of heads * attn_dim_head.",
        feature="attn-collab-heads",
        paper="2006.16362",
        above=0,
        per_layer=ATTENTION,
        examples=(0.5,),
        needs={"attn_collab_heads": True},
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
    attn_normalizer: str = option(
        "softmax",
        "What turns scores into weights. entmax15: 1.5-entmax, which gives exact zeros.",
        feature="attn-entmax15",
        paper="1706.03762; 1905.05702",
        choices=("softmax", "entmax15"),
        per_layer=ATTENTION,
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
    attn_head_scale: bool = option(
        False,
        "A learned factor on what each head attended.",
        feature="attn-head-scale",
        paper="2110.09456",
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
    attn_on_attn: bool = option(
        False,
        "Attention on attention: a gate computed from what was attended multiplies the output.",
        feature="attn-on-attn",
        paper="1908.06954",
        per_layer=ATTENTION,
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

    @property
    def key_dim(self) -> int:
        """Width of queries and keys: that of a head, or of the one that all heads share."""
        if not self.attn_collab_heads:
            return self.attn_dim_head
        return int(self.attn_collab_compression * (self.attn_dim_head * self.heads))

    @property
    def value_heads(self) -> int:
        """Number of heads that values are projected to."""
        return self.attn_kv_heads or self.heads

    @property
    def key_heads(self) -> int:
        """Number of heads that keys are projected to."""
        return 1 if self.attn_collab_heads else self.value_heads

    @property
    def query_heads(self) -> int:
        """Number of heads that queries are projected to."""
        return 1 if self.attn_collab_heads else self.heads
