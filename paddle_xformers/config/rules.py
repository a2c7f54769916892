"""The rules between fields, in one list: what excludes what, what needs what, and the way out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Rule:
    """One combination of values that no model is built from.

    Args:
        fields: The fields it is about; at least one of them is shown in the message with its value.
        broken: Tells from the flat values whether the rule is broken.
        sentence: What is wrong and what to do; `{name}` stands for a field's value.
    """

    fields: tuple[str, ...]
    broken: Callable[[Values], bool]
    sentence: str


def _rotary_width(v: Values) -> int:
    """Features of a head that rotary positions turn: the given number, or half of the head."""
    return int(v["attn_dim_head"] // 2 if v["rotary_emb_dim"] is None else v["rotary_emb_dim"])


def _each(value: Any) -> tuple[Any, ...]:
    """A field's values: one, or one a layer."""
    return tuple(value) if isinstance(value, (list, tuple)) else (value,)


def _kv_heads_misfit(field: str) -> Callable[[Values], bool]:
    return lambda v: any(kv is not None and v["heads"] % kv for kv in _each(v[field]))


def _unused_unless(field: str, default: Any, needed: Callable[[Values], bool]) -> Callable[[Values], bool]:
    return lambda v: v[field] != default and not needed(v)


def _layer_indices_misfit(v: Values) -> bool:
    from .layout import layer_layout
    from .options import LayoutOptions
    from .schema import group_values

    order = v["layers_execute_order"]
    if order is None:
        return False
    built = len(layer_layout(LayoutOptions(**group_values(LayoutOptions, {**v, "layers_execute_order": None}))).kinds)
    return not order or any(not 0 <= index < built for index in order)


def _has_cross(v: Values) -> bool:
    return bool(v["cross_attend"]) or "c" in (v["custom_layers"] or ())


def _special_orders(v: Values) -> int:
    return sum(v[name] is not None for name in ("custom_layers", "par_ratio", "sandwich_coef"))


RULES: tuple[Rule, ...] = (
    Rule(
        ("heads", "attn_kv_heads"),
        _kv_heads_misfit("attn_kv_heads"),
        "heads={heads} is not a multiple of attn_kv_heads={attn_kv_heads}: every key/value head serves the same "
        "number of query heads; choose a divisor of heads",
    ),
    Rule(
        ("heads", "cross_attn_kv_heads"),
        _kv_heads_misfit("cross_attn_kv_heads"),
        "heads={heads} is not a multiple of cross_attn_kv_heads={cross_attn_kv_heads}; choose a divisor of heads",
    ),
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
        ("rotary_emb_dim", "rotary_pos_emb"),
        _unused_unless("rotary_emb_dim", None, lambda v: v["rotary_pos_emb"]),
        "rotary_emb_dim={rotary_emb_dim} has no effect while rotary_pos_emb={rotary_pos_emb}; "
        "set rotary_pos_emb=True or leave it out",
    ),
    Rule(
        ("rotary_base", "rotary_pos_emb"),
        _unused_unless("rotary_base", 10000.0, lambda v: v["rotary_pos_emb"]),
        "rotary_base={rotary_base} has no effect while rotary_pos_emb={rotary_pos_emb}; "
        "set rotary_pos_emb=True or leave it out",
    ),
    Rule(
        ("rotary_layout", "rotary_pos_emb"),
        _unused_unless("rotary_layout", "interleaved", lambda v: v["rotary_pos_emb"]),
        "rotary_layout={rotary_layout!r} has no effect while rotary_pos_emb={rotary_pos_emb}; "
        "set rotary_pos_emb=True or leave it out",
    ),
    Rule(
        ("alibi_num_heads", "position_bias"),
        _unused_unless("alibi_num_heads", None, lambda v: v["position_bias"] == "alibi"),
        "alibi_num_heads={alibi_num_heads} has no effect while position_bias={position_bias!r}; "
        "set position_bias='alibi' or leave it out",
    ),
    Rule(
        ("alibi_num_heads", "heads"),
        lambda v: v["alibi_num_heads"] is not None and v["alibi_num_heads"] > v["heads"],
        "alibi_num_heads={alibi_num_heads} is larger than heads={heads}; use at most heads",
    ),
    *(
        Rule(
            (name, "position_bias"),
            _unused_unless(name, default, lambda v: v["position_bias"] == "t5"),
            f"{name}={{{name}}} has no effect while position_bias={{position_bias!r}}; "
            "set position_bias='t5' or leave it out",
        )
        for name, default in (
            ("rel_pos_num_buckets", 32),
            ("rel_pos_max_distance", 128),
            ("rel_pos_scale", None),
        )
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
        ("position_embedding", "max_seq_len"),
        lambda v: v["position_embedding"] == "learned" and v["max_seq_len"] < 1,
        "position_embedding='learned' needs a table of max_seq_len={max_seq_len} rows; set max_seq_len >= 1 or "
        "position_embedding='none'",
    ),
    Rule(
        ("only_cross", "cross_attend"),
        lambda v: v["only_cross"] and not v["cross_attend"],
        "only_cross=True needs cross_attend=True, but cross_attend={cross_attend}; set both",
    ),
    Rule(
        ("custom_layers",),
        lambda v: (
            v["custom_layers"] is not None
            and (not v["custom_layers"] or any(kind not in ("a", "c", "f") for kind in v["custom_layers"]))
        ),
        "custom_layers={custom_layers!r} may only hold 'a' (self attention), 'c' (cross attention) and "
        "'f' (feed-forward), at least one of them",
    ),
    Rule(
        ("custom_layers", "cross_attend"),
        lambda v: v["custom_layers"] is not None and v["cross_attend"] != ("c" in v["custom_layers"]),
        "custom_layers={custom_layers!r} and cross_attend={cross_attend} disagree: cross_attend=True goes with "
        "at least one 'c' layer and only with it",
    ),
    Rule(
        ("custom_layers", "par_ratio", "sandwich_coef"),
        lambda v: _special_orders(v) > 1,
        "custom_layers={custom_layers!r}, par_ratio={par_ratio} and sandwich_coef={sandwich_coef} exclude each "
        "other: each is a whole layer order; keep one",
    ),
    Rule(
        ("weight_tie_layers", "custom_layers", "par_ratio", "sandwich_coef"),
        lambda v: v["weight_tie_layers"] and _special_orders(v) > 0,
        "weight_tie_layers=True repeats the default block and cannot be combined with custom_layers="
        "{custom_layers!r}, par_ratio={par_ratio} or sandwich_coef={sandwich_coef}; use layers_execute_order "
        "to repeat layers of a special order",
    ),
    Rule(
        ("weight_tie_layers", "layers_execute_order"),
        lambda v: v["weight_tie_layers"] and v["layers_execute_order"] is not None,
        "weight_tie_layers=True sets the order itself and excludes layers_execute_order={layers_execute_order!r}; "
        "keep one of them",
    ),
    Rule(
        ("layers_execute_order",),
        _layer_indices_misfit,
        "layers_execute_order={layers_execute_order!r} must hold at least one index, each from 0 to the number "
        "of built layers - 1",
    ),
    Rule(
        ("sandwich_coef", "depth"),
        lambda v: v["sandwich_coef"] is not None and v["sandwich_coef"] > v["depth"],
        "sandwich_coef={sandwich_coef} is larger than depth={depth}; use at most depth",
    ),
    Rule(
        ("only_attn", "custom_layers"),
        lambda v: v["only_attn"] and "f" in (v["custom_layers"] or ()),
        "only_attn=True and the 'f' in custom_layers={custom_layers!r} contradict each other; drop one of them",
    ),
    Rule(
        ("macaron", "only_attn"),
        lambda v: v["macaron"] and v["only_attn"],
        "macaron=True adds feed-forward layers and only_attn=True removes them all; drop one of them",
    ),
    Rule(
        ("macaron", "custom_layers"),
        lambda v: v["macaron"] and v["custom_layers"] is not None,
        "macaron=True shapes the default block, which custom_layers={custom_layers!r} replaces; write the "
        "'f' layers into custom_layers and leave macaron out",
    ),
    Rule(
        ("residual", "num_residual_streams"),
        lambda v: (v["residual"] == "hyper") != (v["num_residual_streams"] > 1),
        "residual={residual!r} does not go with num_residual_streams={num_residual_streams}: residual='hyper' "
        "needs at least 2 streams, every other kind has 1",
    ),
    Rule(
        ("hyper_conn_sinkhorn_iters", "residual"),
        _unused_unless("hyper_conn_sinkhorn_iters", 5, lambda v: v["residual"] == "hyper"),
        "hyper_conn_sinkhorn_iters={hyper_conn_sinkhorn_iters} has no effect while residual={residual!r}; "
        "set residual='hyper' or leave it out",
    ),
    Rule(
        ("norm_bias", "norm"),
        lambda v: v["norm_bias"] and v["norm"] != "layernorm",
        "norm_bias=True needs norm='layernorm', but norm={norm!r}; other norms have no bias",
    ),
    Rule(
        ("norm_eps", "norm"),
        lambda v: v["norm_eps"] is not None and v["norm"] == "identity",
        "norm_eps={norm_eps} has no effect while norm='identity'; leave it out",
    ),
    Rule(
        ("norm_eps", "norm"),
        lambda v: v["norm_eps"] is not None and v["norm"] == "layernorm" and v["norm_eps"] > 1e-3,
        "norm_eps={norm_eps} is more than Paddle's LayerNorm allows; use at most 0.001, or another norm",
    ),
    Rule(
        ("tie_embedding_scale", "tie_word_embeddings"),
        _unused_unless("tie_embedding_scale", None, lambda v: v["tie_word_embeddings"]),
        "tie_embedding_scale={tie_embedding_scale} has no effect while tie_word_embeddings="
        "{tie_word_embeddings}; set tie_word_embeddings=True or leave it out",
    ),
    Rule(
        ("tie_word_embeddings", "emb_dim", "dim"),
        lambda v: v["tie_word_embeddings"] and v["emb_dim"] not in (None, v["dim"]),
        "tie_word_embeddings=True needs emb_dim equal to dim, but emb_dim={emb_dim} and dim={dim}; "
        "untie or use one width",
    ),
    Rule(
        ("tie_word_embeddings", "logits_bias"),
        lambda v: v["tie_word_embeddings"] and v["logits_bias"],
        "logits_bias=True has no place in a tied head (tie_word_embeddings=True); turn one of them off",
    ),
    Rule(
        ("ff_glu_mult_bias", "ff_glu"),
        lambda v: any(_each(v["ff_glu_mult_bias"])) and not any(_each(v["ff_glu"])),
        "ff_glu_mult_bias=True has no effect while ff_glu={ff_glu}; set ff_glu=True or leave it out",
    ),
    Rule(
        ("shift_mem_down", "max_mem_len"),
        lambda v: v["shift_mem_down"] > 0 and v["max_mem_len"] == 0,
        "shift_mem_down={shift_mem_down} has no effect while max_mem_len=0; set max_mem_len or leave it out",
    ),
    Rule(
        ("learned_value_residual_mix", "add_value_residual"),
        _unused_unless("learned_value_residual_mix", True, lambda v: v["add_value_residual"]),
        "learned_value_residual_mix={learned_value_residual_mix} has no effect while add_value_residual="
        "{add_value_residual}; set add_value_residual=True or leave it out",
    ),
    Rule(
        ("cross_attn_dim_context", "cross_attend"),
        _unused_unless("cross_attn_dim_context", None, _has_cross),
        "cross_attn_dim_context={cross_attn_dim_context} has no effect while cross_attend={cross_attend}; "
        "set cross_attend=True or leave it out",
    ),
)


def _no_self_attention(v: Values) -> bool:
    if v["custom_layers"] is not None:
        return "a" not in v["custom_layers"]
    return bool(v["only_cross"])


def broken_rules(values: Values) -> list[str]:
    """Return the sentence of every rule that the values break.

    Args:
        values: Value of every field of the schema.
    """
    return [rule.sentence.format(**values) for rule in RULES if rule.broken(values)]
