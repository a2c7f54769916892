"""What is added to the scores of self attention: by distance, or by what tokens say of each other."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class BiasOptions:
    """Biases on the scores of self attention; a part of `SchemeOptions`."""

    position_bias: str = option(
        "none",
        "Bias by relative position, added to the scores of self attention. alibi: a slope a head; t5: a table of "
        "buckets; dynamic: a small network that reads the distance, up to twice max_seq_len or to the first mem.",
        feature="pos-alibi",
        paper="2108.12409; 1910.10683; 2111.09883",
        choices=("none", "alibi", "t5", "dynamic"),
        socket="position_bias",
    )
    alibi_num_heads: int | None = option(
        None,
        "Number of heads (from the first) that get an ALiBi bias; None: all.",
        feature="pos-alibi",
        paper="2108.12409",
        minimum=1,
        examples=(3,),
        needs={"position_bias": "alibi"},
    )
    alibi_slopes: tuple[float, ...] | None = option(
        None,
        "Slopes of ALiBi, one for each head that gets a bias; alibi_learned starts from them. None: a geometric "
        "series.",
        feature="pos-rel-module-kwargs",
        paper="2108.12409",
        examples=((0.7, 0.5, 0.3, 0.1),),
        needs={"position_bias": "alibi"},
    )
    alibi_learned: bool = option(
        False,
        "The slopes of ALiBi are learned, through their logarithms.",
        feature="pos-alibi-learned",
        paper="2108.12409",
        needs={"position_bias": "alibi"},
    )
    rel_pos_num_buckets: int = option(
        32,
        "Number of distance buckets of the T5 bias.",
        feature="pos-t5-bias",
        paper="1910.10683",
        minimum=2,
        examples=(8,),
        needs={"position_bias": "t5"},
    )
    rel_pos_max_distance: int = option(
        128,
        "Distance from which on all keys share the last T5 bucket.",
        feature="pos-t5-bias",
        paper="1910.10683",
        minimum=2,
        examples=(8,),
        needs={"position_bias": "t5"},
        beside={"rel_pos_num_buckets": 6},
    )
    rel_pos_scale: float | None = option(
        None,
        "Factor on the T5 bias; None: attn_dim_head**0.5.",
        feature="pos-t5-bias",
        above=0,
        examples=(1.0,),
        needs={"position_bias": "t5"},
    )
    dynamic_pos_bias_log_distance: bool = option(
        False,
        "The dynamic bias reads the logarithm of the distance, with its sign: sign(d) * log(abs(d) + 1).",
        feature="pos-dynamic-bias",
        paper="2111.09883",
        needs={"position_bias": "dynamic"},
    )
    dynamic_pos_bias_dim: int | None = option(
        None,
        "Width of the hidden layers of the network that makes the dynamic bias; None: dim / 4.",
        feature="pos-dynamic-bias",
        paper="2111.09883",
        minimum=1,
        examples=(5,),
        needs={"position_bias": "dynamic"},
    )
    dynamic_pos_bias_mlp_depth: int = option(
        2,
        "Number of those hidden layers.",
        feature="pos-dynamic-bias",
        paper="2111.09883",
        minimum=1,
        examples=(1, 3),
        needs={"position_bias": "dynamic"},
    )
    dynamic_pos_bias_norm: bool = option(
        False,
        "A LayerNorm in each hidden layer of that network.",
        feature="pos-dynamic-bias",
        paper="2111.09883",
        needs={"position_bias": "dynamic"},
    )
    attn_data_dependent_alibi: bool = option(
        False,
        "Forgetting attention: each token says, for each head, how much of what stands before it is forgotten; the "
        "logarithms of these gates, summed from key to query, are added to the scores. Where attention looks ahead, a "
        "second set of gates forgets in that direction. Padding forgets nothing. x-transformers computes the gates of "
        "cached and remembered tokens wrongly.",
        feature="pos-forgetting",
        paper="2503.02130",
    )
    data_dependent_alibi_bias_init: float = option(
        5.0,
        "What the logits of forget gates start at: the larger, the less is forgotten.",
        feature="pos-forgetting",
        paper="2503.02130",
        examples=(1.0,),
        needs={"attn_data_dependent_alibi": True},
    )
    data_dependent_alibi_post_log_scale: float = option(
        1.0,
        "Factor on the logarithms of forget gates.",
        feature="pos-forgetting",
        paper="2503.02130",
        above=0,
        examples=(0.5,),
        needs={"attn_data_dependent_alibi": True},
    )
    attn_use_rel_proj_pos_bias: bool = option(
        False,
        "Each token mixes, for each head, its own curve over the distance of the keys behind it from learned basis "
        "curves. Keys ahead of it get no bias.",
        feature="pos-rel-proj-bias",
    )
    attn_rel_proj_num_distance_basis: int = option(
        16,
        "Number of basis curves.",
        feature="pos-rel-proj-bias",
        minimum=1,
        examples=(3,),
        needs={"attn_use_rel_proj_pos_bias": True},
    )
    attn_rel_proj_max_dist: int = option(
        1024,
        "Length of those curves; keys this far away or further get no bias.",
        feature="pos-rel-proj-bias",
        minimum=1,
        examples=(5,),
        needs={"attn_use_rel_proj_pos_bias": True},
    )


@dataclass(frozen=True)
class CausalBiasOptions:
    """Biases that only causal attention can have; a part of `PositionOptions`."""

    attn_data_dependent_alibi_per_row: bool = option(
        False,
        "The forget gates of a token are made by each query for itself, from small queries and keys of their own.",
        feature="pos-forgetting-per-row",
        paper="2503.02130",
        needs={"attn_data_dependent_alibi": True},
    )
    attn_data_dependent_alibi_per_row_dim_head: int = option(
        8,
        "Width of these queries and keys.",
        feature="pos-forgetting-per-row",
        paper="2503.02130",
        minimum=1,
        examples=(3,),
        needs={"attn_data_dependent_alibi_per_row": True},
        beside={"attn_data_dependent_alibi": True},
    )
    attn_use_cope: bool = option(
        False,
        "Contextual positions (CoPE): a key is as far away as the keys from it up to the query that the query attends "
        "to, counted by the sigmoids of their scores; that position gets an embedding, which is compared with the "
        "query.",
        feature="pos-cope",
        paper="2405.18719",
    )
    attn_cope_max_pos: int = option(
        16,
        "Number of contextual positions with an embedding; all further ones share the last.",
        feature="pos-cope",
        paper="2405.18719",
        minimum=2,
        examples=(4,),
        needs={"attn_use_cope": True},
    )
    attn_cope_soft_onehot_pos: bool = option(
        False,
        "A contextual position between two whole ones takes a softmax over all embeddings by their distance to it, "
        "divided by 0.05, in place of linear interpolation.",
        feature="pos-cope",
        paper="2405.18719",
        needs={"attn_use_cope": True},
    )
    attn_cope_talking_heads: bool = option(
        False,
        "Contextual positions are counted from a learned mix of all heads' scores.",
        feature="pos-cope",
        paper="2405.18719",
        needs={"attn_use_cope": True},
    )
