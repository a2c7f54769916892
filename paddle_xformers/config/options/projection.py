"""Attention: heads, and the queries, keys and values they are projected to."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import ATTENTION, option


@dataclass(frozen=True)
class ProjectionOptions:
    """What the queries, keys and values of an attention layer are; a part of `AttentionOptions`."""

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
    attn_value_dim_head: int | None = option(
        None,
        "Width of a head's values; None: attn_dim_head.",
        feature="attn-value-dim-head",
        minimum=1,
        examples=(5,),
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
    attn_qk_rmsnorm: bool = option(
        False,
        "RMSNorm on the queries and keys of each head, with a gain for each feature.",
        feature="attn-qk-rmsnorm",
        paper="2302.05442",
        per_layer=ATTENTION,
    )
    attn_k_rmsnorm: bool = option(
        False,
        "RMSNorm on the keys of each head alone.",
        feature="attn-k-rmsnorm",
        per_layer=ATTENTION,
    )
    attn_value_rmsnorm: bool = option(
        False,
        "RMSNorm on the values of each head.",
        feature="attn-value-rmsnorm",
        per_layer=ATTENTION,
    )
    attn_l2_distance: bool = option(
        False,
        "Scores are the negative squared distances between queries and keys, times the factor on products.",
        feature="attn-l2-distance",
        paper="2006.04710",
        per_layer=ATTENTION,
    )
    attn_dim_latent_q: int | None = option(
        None,
        "Latent attention: queries are projected by way of this many features. None: at once.",
        feature="attn-mla",
        paper="2405.04434",
        minimum=1,
        per_layer=ATTENTION,
        examples=(12,),
    )
    attn_dim_latent_kv: int | None = option(
        None,
        "Latent attention: keys and values are projected by way of this many features, which they share. None: at "
        "once.",
        feature="attn-mla",
        paper="2405.04434",
        minimum=1,
        per_layer=ATTENTION,
        examples=(12,),
    )
    attn_latent_rope_subheads: int | None = option(
        None,
        "Latent attention: this many key heads (the last ones) are projected at once, not from the latent, and rotary "
        "positions turn them, and the query heads that look at them, alone. None: none, and all heads are turned.",
        feature="attn-mla-decoupled-rope",
        paper="2405.04434",
        minimum=1,
        per_layer=ATTENTION,
        examples=(1,),
        beside={"attn_dim_latent_kv": 12, "rotary_pos_emb": True},
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

    @property
    def key_dim(self) -> int:
        """Width of queries and keys: that of a head, or of the one that all heads share."""
        if not self.attn_collab_heads:
            return self.attn_dim_head
        return int(self.attn_collab_compression * (self.attn_dim_head * self.heads))

    @property
    def value_dim(self) -> int:
        """Width of a head's values."""
        return self.attn_value_dim_head or self.attn_dim_head

    @property
    def value_heads(self) -> int:
        """Number of heads that values are projected to."""
        return self.attn_kv_heads or self.heads

    @property
    def key_heads(self) -> int:
        """Number of heads that keys are projected to."""
        return 1 if self.attn_collab_heads else self.value_heads

    @property
    def projected_key_heads(self) -> int:
        """Number of those heads that `k_proj` makes; the others are made from the input, past the latent."""
        return self.key_heads - (self.attn_latent_rope_subheads or 0)

    def turned_heads(self, count: int) -> int:
        """Return how many heads, the last ones, rotary positions turn.

        Args:
            count: Number of heads there are, of queries, keys or values.
        """
        subheads = self.attn_latent_rope_subheads
        return count if subheads is None else subheads * count // self.key_heads

    @property
    def query_heads(self) -> int:
        """Number of heads that queries are projected to."""
        return 1 if self.attn_collab_heads else self.heads
