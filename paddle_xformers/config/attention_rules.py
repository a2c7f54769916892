"""The rules between fields of the attention layer; each is one for self attention and one for cross attention."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from .options import AttentionOptions
from .rule import Rule, Values, by_layer, each

# Tells from the fields of one layer whether a rule is broken there.
_InLayer = Callable[..., bool]


def key_dims(v: Values, prefix: str = "") -> list[int]:
    """Return the width of queries and keys of each layer.

    Args:
        v: Value of every field.
        prefix: `cross_` for cross attention.
    """
    names = [prefix + name for name in ("attn_dim_head", "attn_collab_heads", "attn_collab_compression")]
    return [_key_dim(*layer) for layer in by_layer(v, "heads", *names)]


def _key_dim(heads: int, head_dim: int, shared: bool, compression: float) -> int:
    options = AttentionOptions(
        heads=heads, attn_dim_head=head_dim, attn_collab_heads=shared, attn_collab_compression=compression
    )
    return options.key_dim


def _groups_misfit(groups: int, norm: bool, *sizes: Any) -> bool:
    width = _key_dim(*sizes)
    return norm and width > 0 and (width % groups > 0 or width // groups <= 2)


def _both(first: Any, second: Any) -> bool:
    """Whether both fields of a layer are set."""
    return first not in (None, False) and second not in (None, False)


def _in_any_layer(fields: tuple[str, ...], broken: _InLayer) -> Callable[[Values], bool]:
    return lambda v: any(broken(*layer) for layer in by_layer(v, *fields))


def _set_in_vain(fields: tuple[str, ...], default: Any, in_use: _InLayer) -> Callable[[Values], bool]:
    """Whether the first field is set, and no layer in which it is set makes use of it."""

    def broken(v: Values) -> bool:
        layers = [layer for layer in by_layer(v, *fields) if layer[0] != default]
        return bool(layers) and not any(in_use(*layer) for layer in layers)

    return broken


def _for_self_attention(fields: tuple[str, ...], broken: Callable[[Values], bool], sentence: str) -> Rule:
    return Rule(fields, broken, sentence)


def _for_cross_attention(fields: tuple[str, ...], broken: Callable[[Values], bool], sentence: str) -> Rule:
    """The same where cross attention has a value of its own; with those of self attention it has its rule already."""
    own = [name for name in fields if name.startswith("cross_")]
    return Rule(
        fields, lambda v: v["cross_attend"] and any(v[name] is not None for name in own) and broken(v), sentence
    )


def attention_rules(prefix: str) -> tuple[Rule, ...]:
    """Return the rules of one kind of attention.

    Args:
        prefix: Empty for self attention, `cross_` for cross attention.
    """
    rule = _for_cross_attention if prefix else _for_self_attention
    norm, groups = f"{prefix}attn_qk_norm", f"{prefix}attn_qk_norm_groups"
    scale, norm_scale = f"{prefix}attn_scale", f"{prefix}attn_qk_norm_scale"
    dim_scale, learned = f"{prefix}attn_qk_norm_dim_scale", f"{prefix}attn_qk_norm_learned_temperature"
    seq_len, start = f"{prefix}attn_qk_norm_seq_len", f"{prefix}attn_qk_norm_temperature_init"
    kv_heads, head_dim, collab = f"{prefix}attn_kv_heads", f"{prefix}attn_dim_head", f"{prefix}attn_collab_heads"
    compression = f"{prefix}attn_collab_compression"
    qk_rms, k_rms = f"{prefix}attn_qk_rmsnorm", f"{prefix}attn_k_rmsnorm"
    topk, straight = f"{prefix}attn_sparse_topk", f"{prefix}attn_sparse_topk_straight_through"
    return (
        *_gate_rules(prefix),
        rule(
            (qk_rms, k_rms),
            _in_any_layer((qk_rms, k_rms), _both),
            f"{qk_rms}={{{qk_rms}}} and {k_rms}={{{k_rms}}} exclude each other: the first norms keys already; keep one",
        ),
        rule(
            (straight, topk),
            _set_in_vain((straight, topk), False, lambda _, k: k is not None),
            f"{straight}={{{straight}}} has no effect while {topk}={{{topk}}}; set {topk} or leave it out",
        ),
        Rule(
            ("heads", kv_heads),
            lambda v: any(kv is not None and v["heads"] % kv for kv in each(v[kv_heads])),
            f"heads={{heads}} is not a multiple of {kv_heads}={{{kv_heads}}}: every key/value head serves the same "
            "number of queries; choose a divisor of heads",
        ),
        Rule(
            ("add_value_residual", kv_heads),
            lambda v: v["add_value_residual"] and len({kv or v["heads"] for (kv,) in by_layer(v, kv_heads)}) > 1,
            f"add_value_residual={{add_value_residual}} mixes the values of layers head by head, but {kv_heads}="
            f"{{{kv_heads}}} gives them different numbers of heads; use one number for all layers",
        ),
        rule(
            (groups, norm, "heads", head_dim, collab, compression),
            _in_any_layer((groups, norm, "heads", head_dim, collab, compression), _groups_misfit),
            f"{groups}={{{groups}}} with {norm}={{{norm}}} must divide the width of queries and keys, which follows "
            f"from heads={{heads}}, {head_dim}={{{head_dim}}}, {collab}={{{collab}}} and {compression}="
            f"{{{compression}}}, into groups of more than 2 features; use another number",
        ),
        rule(
            (scale, norm, dim_scale),
            _set_in_vain((scale, norm, dim_scale), None, lambda _, on, scaled: not on or scaled),
            f"{scale}={{{scale}}} has no effect while {norm}={{{norm}}} and {dim_scale}={{{dim_scale}}}; set "
            f"{norm_scale} or leave it out",
        ),
        rule(
            (norm_scale, dim_scale, learned),
            _set_in_vain((norm_scale, dim_scale, learned), 10.0, lambda _, scaled, warm: not scaled and not warm),
            f"{norm_scale}={{{norm_scale}}} has no effect while {dim_scale}={{{dim_scale}}} and {learned}="
            f"{{{learned}}}: both take its place; leave it out",
        ),
        rule(
            (dim_scale, learned),
            _in_any_layer((dim_scale, learned), _both),
            f"{dim_scale}={{{dim_scale}}} and {learned}={{{learned}}} exclude each other: both learn how large the "
            "scores are; keep one",
        ),
        rule(
            (seq_len, start),
            _in_any_layer((seq_len, start), _both),
            f"{seq_len}={{{seq_len}}} and {start}={{{start}}} both set where the learned temperature starts; keep one",
        ),
        rule(
            (compression, "heads", head_dim),
            lambda v: min(key_dims(v, prefix)) < 1,
            f"{compression}={{{compression}}} leaves the shared queries and keys of heads={{heads}} of {head_dim}="
            f"{{{head_dim}}} without a feature; use a larger share",
        ),
    )


def _gate_rules(prefix: str) -> tuple[Rule, ...]:
    """The rules of the gates on what was attended."""
    rule = _for_cross_attention if prefix else _for_self_attention
    gate, output = f"{prefix}attn_gate_values", f"{prefix}attn_output_gate"
    swiglu, silu = f"{prefix}attn_swiglu_values", f"{prefix}attn_low_rank_silu_gates"
    shapes = tuple((f"{kind}_rank", f"{kind}_headwise") for kind in (gate, output))
    ranks = tuple(rank for rank, _ in shapes)
    return (
        *(
            rule(
                shape,
                _in_any_layer(shape, _both),
                "{0}={{{0}}} and {1}={{{1}}} exclude each other: a gate for each head has no rank; keep one".format(
                    *shape
                ),
            )
            for shape in shapes
        ),
        rule(
            (swiglu, gate, output),
            _set_in_vain((swiglu, gate, output), False, lambda _, seen, attended: seen or attended),
            f"{swiglu}={{{swiglu}}} has no effect while {gate}={{{gate}}} and {output}={{{output}}}; set one of them "
            "or leave it out",
        ),
        rule(
            (silu, *ranks),
            _set_in_vain((silu, *ranks), True, lambda _, *given: any(rank is not None for rank in given)),
            f"{silu}={{{silu}}} has no effect while {ranks[0]}={{{ranks[0]}}} and {ranks[1]}={{{ranks[1]}}}; set one "
            "of them or leave it out",
        ),
        rule(
            ("residual", swiglu),
            lambda v: v["residual"] == "rezero" and any(each(v[swiglu])),
            f"residual='rezero' starts with a factor of 0, and {swiglu}={{{swiglu}}} starts the branch at 0 itself, "
            "which would then never get a gradient; leave one of them out",
        ),
    )


ATTENTION_RULES = (*attention_rules(""), *attention_rules("cross_"))
