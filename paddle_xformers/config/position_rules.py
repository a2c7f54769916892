"""The rules between fields of the position schemes."""

from __future__ import annotations

from .attention_rules import key_dims
from .options import PositionOptions
from .rule import Rule, Values, each, kinds
from .schema import group_values


def _rotary_width(v: Values) -> int:
    """Features of a head that rotary positions turn: the given number, or half of the head."""
    return PositionOptions(**group_values(PositionOptions, v)).rotary_width(v["attn_dim_head"])


def _no_self_attention(v: Values) -> bool:
    return "a" not in kinds(v)


def _adds_learned_positions(v: Values) -> bool:
    return PositionOptions(**group_values(PositionOptions, v)).adds_learned_positions


def _rotates_part_of_a_group(v: Values) -> bool:
    heads = v["heads"]
    if v["rotate_num_heads"] is None or v["rotate_num_heads"] >= heads:
        return False
    return any(each(v["attn_collab_heads"])) or any(kv not in (None, heads) for kv in each(v["attn_kv_heads"]))


# Switches that act on self attention alone.
_OF_SELF_ATTENTION = (
    "attn_selective",
    "attn_orthog_projected_values",
    "attn_orthog_projected_values_per_head",
    "polar_pos_emb",
    "attn_data_dependent_alibi",
    "attn_use_rel_proj_pos_bias",
    "attn_use_cope",
)


def _of_self_attention(name: str) -> Rule:
    return Rule(
        (name, "custom_layers", "only_cross"),
        lambda v: any(each(v[name])) and _no_self_attention(v),
        f"{name}={{{name}}} acts on self attention, and the stack has none (only_cross={{only_cross}}, "
        "custom_layers={custom_layers}); add an 'a' layer or leave it out",
    )


def _looks_back_only(field: str) -> Rule:
    """The rule that a prefix, whose tokens look ahead, does not go with what is counted backwards."""
    return Rule(
        (field, "prefix_lm"),
        lambda v: v[field] and v["prefix_lm"],
        f"{field}={{{field}}} counts from a query backwards, but with prefix_lm={{prefix_lm}} tokens look ahead, too; "
        "leave one of them out",
    )


BIAS_RULES: tuple[Rule, ...] = (
    *map(_looks_back_only, ("attn_data_dependent_alibi_per_row", "attn_use_cope")),
    Rule(
        ("data_dependent_alibi_bias_init", "attn_data_dependent_alibi_per_row"),
        lambda v: v["data_dependent_alibi_bias_init"] != 5.0 and v["attn_data_dependent_alibi_per_row"],
        "data_dependent_alibi_bias_init={data_dependent_alibi_bias_init} has no effect while "
        "attn_data_dependent_alibi_per_row=True, whose gates have no bias; leave one of them out",
    ),
    Rule(
        ("alibi_slopes", "alibi_num_heads", "heads"),
        lambda v: v["alibi_slopes"] is not None and len(v["alibi_slopes"]) != (v["alibi_num_heads"] or v["heads"]),
        "alibi_slopes={alibi_slopes} must hold one slope for each head with a bias: alibi_num_heads={alibi_num_heads} "
        "(None: all) of heads={heads}; give as many",
    ),
    Rule(
        ("alibi_slopes", "alibi_learned"),
        lambda v: v["alibi_slopes"] is not None and v["alibi_learned"] and min(v["alibi_slopes"], default=1) <= 0,
        "alibi_slopes={alibi_slopes} with alibi_learned={alibi_learned} must be above 0: their logarithms are learned; "
        "give larger ones",
    ),
)

POSITION_RULES: tuple[Rule, ...] = (
    *BIAS_RULES,
    Rule(
        ("rotary_emb_dim", "attn_dim_head"),
        lambda v: v["rotary_pos_emb"] and _rotary_width(v) > v["attn_dim_head"],
        "rotary_emb_dim={rotary_emb_dim} is larger than attn_dim_head={attn_dim_head}; use at most attn_dim_head",
    ),
    Rule(
        ("rotary_emb_dim", "attn_dim_head"),
        lambda v: v["rotary_pos_emb"] and (_rotary_width(v) % 2 == 1 or _rotary_width(v) < 2),
        "rotary positions turn pairs of features, but rotary_emb_dim={rotary_emb_dim} (None: half of "
        "attn_dim_head={attn_dim_head}) does not give an even number of at least 2; set an even rotary_emb_dim",
    ),
    Rule(
        ("rotary_base_rescale_factor", "rotary_emb_dim", "attn_dim_head"),
        lambda v: v["rotary_pos_emb"] and v["rotary_base_rescale_factor"] != 1 and _rotary_width(v) == 2,
        "rotary_base_rescale_factor={rotary_base_rescale_factor} has no effect on a single pair of rotated features "
        "(rotary_emb_dim={rotary_emb_dim}, None: half of attn_dim_head={attn_dim_head}), which needs no base; rotate "
        "more features or leave it out",
    ),
    Rule(
        ("rotary_xpos", "rotary_values"),
        lambda v: v["rotary_xpos"] and v["rotary_values"],
        "rotary_xpos=True and rotary_values=True do not go together: values would grow with their position; leave one "
        "of them out",
    ),
    Rule(
        ("rotate_num_heads", "heads"),
        lambda v: v["rotate_num_heads"] is not None and v["rotate_num_heads"] > v["heads"],
        "rotate_num_heads={rotate_num_heads} is larger than heads={heads}; use at most heads",
    ),
    Rule(
        ("rotate_num_heads", "attn_kv_heads", "attn_collab_heads"),
        _rotates_part_of_a_group,
        "rotate_num_heads={rotate_num_heads} needs a key of its own for each query head, but attn_kv_heads="
        "{attn_kv_heads} and attn_collab_heads={attn_collab_heads} let heads share keys, which are rotated or not; "
        "rotate all heads, or let none share",
    ),
    Rule(
        ("rotate_num_heads", "attn_latent_rope_subheads"),
        lambda v: v["rotate_num_heads"] is not None and any(each(v["attn_latent_rope_subheads"])),
        "rotate_num_heads={rotate_num_heads} and attn_latent_rope_subheads={attn_latent_rope_subheads} both say which "
        "heads are rotated; keep one",
    ),
    Rule(
        ("polar_pos_emb", "rotary_pos_emb"),
        lambda v: v["polar_pos_emb"] and v["rotary_pos_emb"],
        "polar_pos_emb=True and rotary_pos_emb=True both turn queries and keys by their positions; keep one",
    ),
    Rule(
        ("polar_pos_emb", "attn_use_cope"),
        lambda v: v["polar_pos_emb"] and v["attn_use_cope"],
        "attn_use_cope=True compares queries with embeddings of positions, and polar_pos_emb=True turns queries into "
        "points; leave one of them out",
    ),
    Rule(
        ("polar_pos_emb", "attn_latent_rope_subheads"),
        lambda v: v["polar_pos_emb"] and any(each(v["attn_latent_rope_subheads"])),
        "attn_latent_rope_subheads={attn_latent_rope_subheads} leaves other heads without positions, which "
        "polar_pos_emb=True cannot: it makes all keys twice as wide; use rotary_pos_emb, or leave it out",
    ),
    Rule(
        ("polar_pos_emb", "attn_num_mem_kv"),
        lambda v: v["polar_pos_emb"] and any(each(v["attn_num_mem_kv"])),
        "attn_num_mem_kv={attn_num_mem_kv} puts learned keys without a position in front of those that "
        "polar_pos_emb=True turns into points; use num_memory_tokens, or leave one of them out",
    ),
    Rule(
        ("alibi_num_heads", "heads"),
        lambda v: v["alibi_num_heads"] is not None and v["alibi_num_heads"] > v["heads"],
        "alibi_num_heads={alibi_num_heads} is larger than heads={heads}; use at most heads",
    ),
    Rule(
        ("rel_pos_num_buckets", "rel_pos_max_distance"),
        lambda v: v["position_bias"] == "t5" and v["rel_pos_num_buckets"] > v["rel_pos_max_distance"],
        "rel_pos_num_buckets={rel_pos_num_buckets} is larger than rel_pos_max_distance={rel_pos_max_distance}: "
        "there would be more buckets than distances; lower the first or raise the second",
    ),
    Rule(
        ("position_bias", "custom_layers", "only_cross"),
        lambda v: v["position_bias"] != "none" and _no_self_attention(v),
        "position_bias={position_bias!r} acts on self attention, and the stack has none "
        "(only_cross={only_cross}, custom_layers={custom_layers}); add an 'a' layer or leave it out",
    ),
    Rule(
        ("rotary_pos_emb", "custom_layers", "only_cross"),
        lambda v: v["rotary_pos_emb"] and _no_self_attention(v) and not v["cross_attn_rotary_pos_emb"],
        "rotary_pos_emb=True acts on self attention, and the stack has none "
        "(only_cross={only_cross}, custom_layers={custom_layers}); add an 'a' layer, set cross_attn_rotary_pos_emb, or "
        "leave it out",
    ),
    Rule(
        ("cross_attn_rotary_pos_emb", "rotary_xpos"),
        lambda v: v["cross_attn_rotary_pos_emb"] and v["rotary_xpos"],
        "rotary_xpos=True lets queries and keys fade with their distance, which between tokens and a context "
        "(cross_attn_rotary_pos_emb=True) may be negative; leave one of them out",
    ),
    Rule(
        ("cross_attn_rotary_pos_emb", "rotate_num_heads"),
        lambda v: v["cross_attn_rotary_pos_emb"] and v["rotate_num_heads"] is not None,
        "rotate_num_heads={rotate_num_heads} tells heads of self attention apart; with cross_attn_rotary_pos_emb=True "
        "all heads turn: leave one of them out",
    ),
    Rule(
        ("cross_attn_rotary_pos_emb", "rotary_emb_dim", "cross_attn_dim_head", "cross_attn_collab_heads"),
        lambda v: (
            v["cross_attn_rotary_pos_emb"]
            and _rotary_width(v) <= v["attn_dim_head"]
            and 0 < min(key_dims(v, "cross_")) < _rotary_width(v)
        ),
        "rotary_emb_dim={rotary_emb_dim} (None: half of attn_dim_head) is larger than the queries and keys of cross "
        "attention (cross_attn_dim_head={cross_attn_dim_head}, cross_attn_collab_heads={cross_attn_collab_heads}), "
        "which cross_attn_rotary_pos_emb=True turns; rotate fewer features, or leave it out",
    ),
    Rule(
        ("position_infused_attn", "custom_layers", "only_cross"),
        lambda v: v["position_infused_attn"] and _no_self_attention(v),
        "position_infused_attn=True acts on self attention, and the stack has none "
        "(only_cross={only_cross}, custom_layers={custom_layers}); add an 'a' layer or leave it out",
    ),
    Rule(
        ("max_attend_past", "custom_layers", "only_cross"),
        lambda v: any(past is not None for past in each(v["max_attend_past"])) and _no_self_attention(v),
        "max_attend_past={max_attend_past} acts on self attention, and the stack has none "
        "(only_cross={only_cross}, custom_layers={custom_layers}); add an 'a' layer or leave it out",
    ),
    *map(_of_self_attention, _OF_SELF_ATTENTION),
    Rule(
        ("rotary_values", "attn_value_dim_head", "attn_dim_head"),
        lambda v: v["rotary_values"] and v["attn_value_dim_head"] not in (None, v["attn_dim_head"]),
        "rotary_values=True turns values like keys, but attn_value_dim_head={attn_value_dim_head} is not "
        "attn_dim_head={attn_dim_head}; leave one of them out",
    ),
    Rule(
        ("rotary_emb_dim", "attn_collab_heads", "attn_collab_compression"),
        lambda v: (
            v["rotary_pos_emb"]
            and any(each(v["attn_collab_heads"]))
            and _rotary_width(v) <= v["attn_dim_head"]
            and 0 < min(key_dims(v)) < _rotary_width(v)
        ),
        "rotary_emb_dim={rotary_emb_dim} (None: half of attn_dim_head) is larger than the shared queries and keys of "
        "attn_collab_heads={attn_collab_heads} with attn_collab_compression={attn_collab_compression}; rotate fewer "
        "features or compress less",
    ),
    Rule(
        ("position_embedding_scale", "position_embedding"),
        lambda v: v["position_embedding_scale"] is not None and not _adds_learned_positions({**v, "max_seq_len": 1}),
        "position_embedding_scale={position_embedding_scale} has no effect: position_embedding="
        "{position_embedding!r} adds no learned positions with rotary_pos_emb={rotary_pos_emb}, "
        "polar_pos_emb={polar_pos_emb}, position_infused_attn={position_infused_attn}, position_bias="
        "{position_bias!r}; set 'learned' or leave it out",
    ),
    Rule(
        ("position_embedding_scale", "l2norm_embed"),
        lambda v: v["position_embedding_scale"] is not None and v["l2norm_embed"],
        "position_embedding_scale={position_embedding_scale} has no effect while l2norm_embed=True, which brings the "
        "vectors of positions to length 1; leave one of them out",
    ),
    Rule(
        ("position_embedding_scale", "max_seq_len"),
        lambda v: v["position_embedding_scale"] is not None and v["max_seq_len"] < 1,
        "position_embedding_scale={position_embedding_scale} has no effect while max_seq_len=0, which leaves no "
        "positions to learn; set max_seq_len >= 1 or leave it out",
    ),
    Rule(
        ("position_embedding", "max_seq_len"),
        lambda v: v["position_embedding"] == "learned" and v["max_seq_len"] < 1,
        "position_embedding='learned' needs a table of max_seq_len={max_seq_len} rows; set max_seq_len >= 1 or "
        "position_embedding='none'",
    ),
)
