"""The rules between fields of the residual connections."""

from __future__ import annotations

from typing import Any

from .layout import layer_layout
from .options import LayoutOptions
from .rule import Rule, Values, each, kinds
from .schema import group_values

MANY_STREAMS = ("hyper", "gated_multi")
# Norms without gains of their own; those of adaptive norms come from a linear.
_WITHOUT_GAINS = ("simple_rmsnorm", "identity", "adaptive_layernorm", "adaptive_rmsnorm")


def _zero_outputs(v: Values) -> bool:
    names = ("attn_zero_init_output", "cross_attn_zero_init_output", "ff_zero_init_output")
    return any(any(each(v[name])) for name in names)


def _scales_start_at_zero(v: Values) -> bool:
    return bool(v["use_layerscale"] and v["layerscale_init_value"] == 0)


def _needs_a_condition(name: str, default: Any) -> Rule:
    """The rule that a field about the condition may only be set where something reads a condition."""
    return Rule(
        (name, "norm", "use_adaptive_layerscale"),
        lambda v: (
            v[name] != default
            and v["norm"] not in ("adaptive_layernorm", "adaptive_rmsnorm")
            and not v["use_adaptive_layerscale"]
        ),
        f"{name}={{{name}}} has no effect while norm={{norm!r}} and use_adaptive_layerscale=False: nothing reads a "
        "condition; set norm='adaptive_layernorm', norm='adaptive_rmsnorm' or use_adaptive_layerscale=True, or leave "
        "it out",
    )


def _order(v: Values) -> tuple[int, ...]:
    """The layers in the order they run."""
    return layer_layout(LayoutOptions(**group_values(LayoutOptions, v))).order


def _runs_before_an_earlier_one(v: Values) -> bool:
    """Whether some layer runs before one with a smaller index has."""
    run: set[int] = set()
    for index in _order(v):
        if not run.issuperset(range(index)):
            return True
        run.add(index)
    return False


def _without_readings(v: Values) -> bool:
    """Whether queries, keys and values shall be read differently, but there is only one thing to read."""
    differ = v["residual"] in MANY_STREAMS or v["attn_aggregated_residuals"] or v["integrate_layers"]
    return bool(v["qkv_receive_diff_residuals"]) and not differ


# What a layout is that has no blocks, each of which runs once.
_ORDERS = ("weight_tie_layers", "layers_execute_order", "custom_layers", "par_ratio", "sandwich_coef")

DEPTH_RULES: tuple[Rule, ...] = (
    Rule(
        ("integrate_layers", "attn_aggregated_residuals"),
        lambda v: v["integrate_layers"] and v["attn_aggregated_residuals"],
        "integrate_layers=True and attn_aggregated_residuals=True are two ways to mix what earlier layers read; keep "
        "one of them",
    ),
    Rule(
        ("integrate_layers", "layers_execute_order"),
        lambda v: v["integrate_layers"] and v["layers_execute_order"] is not None and _runs_before_an_earlier_one(v),
        "integrate_layers=True lets a layer mix what all layers before it have read, but with layers_execute_order="
        "{layers_execute_order!r} some of them run later or never; let each run after those with a smaller index, or "
        "use attn_aggregated_residuals, which takes them in any order",
    ),
    Rule(
        ("attn_aggregated_residuals", "depth", "only_attn"),
        lambda v: v["attn_aggregated_residuals"] and len(_order(v)) < 2,
        "attn_aggregated_residuals=True has no effect in a stack of one layer (depth={depth}, only_attn={only_attn}), "
        "which has none to look back at; leave it out or build more layers",
    ),
    Rule(
        ("integrate_layers", "depth", "only_attn"),
        lambda v: v["integrate_layers"] and len(kinds(v)) < 2 and v["layer_integrate_use_softmax"],
        "integrate_layers=True has no effect in a stack of one layer (depth={depth}, only_attn={only_attn}), which has "
        "none to look back at; leave it out or build more layers",
    ),
    Rule(
        ("attn_aggregated_residual_rank", "dim"),
        lambda v: (v["attn_aggregated_residual_rank"] or 0) >= v["dim"],
        "attn_aggregated_residual_rank={attn_aggregated_residual_rank} must be less than dim={dim}: it is the rank of "
        "a change of the query; use a smaller one",
    ),
    Rule(
        ("qkv_receive_diff_residuals", "residual", "attn_aggregated_residuals", "integrate_layers"),
        _without_readings,
        "qkv_receive_diff_residuals=True has no effect while residual={residual!r}, attn_aggregated_residuals="
        "{attn_aggregated_residuals} and integrate_layers={integrate_layers}: there is one stream to read; set one of "
        "the last two, residual='hyper' or 'gated_multi', or leave it out",
    ),
    Rule(
        ("qkv_receive_diff_residuals", "custom_layers", "only_cross"),
        lambda v: v["qkv_receive_diff_residuals"] and not _without_readings(v) and "a" not in kinds(v),
        "qkv_receive_diff_residuals=True has no effect without self attention (only_cross={only_cross}, custom_layers="
        "{custom_layers!r}); leave it out",
    ),
    Rule(
        ("qkv_receive_diff_residuals", "max_mem_len", "residual"),
        lambda v: (
            v["qkv_receive_diff_residuals"]
            and v["max_mem_len"] > 0
            and v["residual"] in MANY_STREAMS
            and not (v["attn_aggregated_residuals"] or v["integrate_layers"])
        ),
        "qkv_receive_diff_residuals=True lets a layer read the streams of residual={residual!r} three times, but mems "
        "(max_mem_len={max_mem_len}) hold one reading of each layer; leave one of them out",
    ),
    Rule(
        ("unet_skips", *_ORDERS),
        lambda v: v["unet_skips"] and any(v[name] not in (None, False) for name in _ORDERS),
        "unet_skips=True needs blocks that run once, one after the other, to know which is whose mirror image, but "
        "weight_tie_layers={weight_tie_layers}, layers_execute_order={layers_execute_order!r}, custom_layers="
        "{custom_layers!r}, par_ratio={par_ratio} and sandwich_coef={sandwich_coef} ask for another order; leave one "
        "of them out",
    ),
    Rule(
        ("unet_skips", "depth"),
        lambda v: v["unet_skips"] and v["depth"] < 2,
        "unet_skips=True has no effect at depth={depth}: one block has no mirror image; use at least 2 or leave it out",
    ),
)

STREAM_RULES: tuple[Rule, ...] = (
    Rule(
        ("residual", "num_residual_streams"),
        lambda v: (v["residual"] in MANY_STREAMS) != (v["num_residual_streams"] > 1),
        "residual={residual!r} does not go with num_residual_streams={num_residual_streams}: residual='hyper' and "
        "'gated_multi' need at least 2 streams, every other kind has 1",
    ),
    Rule(
        ("scale_residual", "residual"),
        lambda v: v["scale_residual"] and v["residual"] in MANY_STREAMS,
        "scale_residual=True does not go with residual={residual!r}, whose streams have learned factors already; leave "
        "one of them out",
    ),
    Rule(
        ("scale_residual_constant", "residual"),
        lambda v: v["scale_residual_constant"] != 1 and v["residual"] in MANY_STREAMS,
        "scale_residual_constant={scale_residual_constant} does not go with residual={residual!r}, whose streams have "
        "learned factors already; leave one of them out",
    ),
    Rule(
        ("upstream_compat", "residual", "norm_placement"),
        lambda v: (
            v["upstream_compat"]
            and v["residual"] != "hyper"
            and not (v["residual"] == "gated_multi" and v["norm_placement"] == "pre")
        ),
        "upstream_compat=True has no effect while residual={residual!r} and norm_placement={norm_placement!r}: it is "
        "about residual='hyper', and 'gated_multi' with norm_placement='pre'; leave it out",
    ),
    Rule(
        ("residual", "norm_placement"),
        lambda v: v["residual"] == "gated_multi" and v["norm_placement"] not in ("pre", "post"),
        "residual='gated_multi' norms what a branch reads in place of the norm before it, which leaves nothing to "
        "place for norm_placement={norm_placement!r}; use 'pre', or 'post' to norm the streams after each layer too",
    ),
    Rule(
        ("norm_placement", "residual"),
        lambda v: v["norm_placement"] == "resi_dual" and v["residual"] != "plain",
        "norm_placement='resi_dual' adds every branch to two streams and does not go with residual={residual!r}; leave "
        "one of them out",
    ),
)

RESIDUAL_RULES: tuple[Rule, ...] = (
    Rule(
        ("norm", "residual", "final_norm"),
        lambda v: v["residual"] == "gated_multi" and v["final_norm"] is False and "adaptive" in str(v["norm"]),
        "norm={norm!r} stands nowhere while residual={residual!r}, which has norms of its own, and final_norm="
        "{final_norm}; leave one of them out",
    ),
    Rule(
        ("norm_add_unit_offset", "norm", "use_layerscale"),
        lambda v: v["norm_add_unit_offset"] and v["norm"] in _WITHOUT_GAINS and not v["use_layerscale"],
        "norm_add_unit_offset=True has no effect while norm={norm!r} and use_layerscale={use_layerscale}: there are no "
        "gains to store; leave it out",
    ),
    *STREAM_RULES,
    *DEPTH_RULES,
    Rule(
        ("depth_scale_residual", "attn_zero_init_output", "cross_attn_zero_init_output", "ff_zero_init_output"),
        lambda v: v["depth_scale_residual"] and _zero_outputs(v),
        "depth_scale_residual=True and zero initial values (attn_zero_init_output={attn_zero_init_output}, "
        "cross_attn_zero_init_output={cross_attn_zero_init_output}, ff_zero_init_output={ff_zero_init_output}) are two "
        "starts of the same linears; leave one of them out",
    ),
    Rule(
        ("residual", "attn_zero_init_output", "cross_attn_zero_init_output", "ff_zero_init_output"),
        lambda v: v["residual"] == "rezero" and _zero_outputs(v),
        "residual='rezero' starts with a factor of 0, and a branch that starts at 0 itself (attn_zero_init_output="
        "{attn_zero_init_output}, cross_attn_zero_init_output={cross_attn_zero_init_output}, ff_zero_init_output="
        "{ff_zero_init_output}) would then never get a gradient; leave one of them out",
    ),
    Rule(
        ("use_layerscale", "layerscale_init_value", "residual"),
        lambda v: v["residual"] == "rezero" and _scales_start_at_zero(v),
        "use_layerscale=True with layerscale_init_value={layerscale_init_value} and residual={residual!r} both start "
        "at 0, and neither would then ever get a gradient; set layerscale_init_value above 0 or leave one out",
    ),
    Rule(
        (
            *("use_layerscale", "layerscale_init_value"),
            *("attn_zero_init_output", "cross_attn_zero_init_output", "ff_zero_init_output"),
        ),
        lambda v: _scales_start_at_zero(v) and _zero_outputs(v),
        "use_layerscale=True with layerscale_init_value={layerscale_init_value} and branches that start at 0 "
        "themselves (attn_zero_init_output={attn_zero_init_output}, cross_attn_zero_init_output="
        "{cross_attn_zero_init_output}, ff_zero_init_output={ff_zero_init_output}) would never get a gradient; "
        "set layerscale_init_value above 0 or leave one out",
    ),
    Rule(
        ("use_adaptive_layerscale", "use_layerscale"),
        lambda v: v["use_adaptive_layerscale"] and v["use_layerscale"],
        "use_adaptive_layerscale=True and use_layerscale=True both scale the branch output; keep one of them",
    ),
    *(
        _needs_a_condition(name, default)
        for name, default in (("dim_condition", None), ("adaptive_condition_mlp", False))
    ),
    Rule(
        ("hyper_conn_sinkhorn_iters", "upstream_compat"),
        lambda v: v["upstream_compat"] and v["hyper_conn_sinkhorn_iters"] != 5,
        "hyper_conn_sinkhorn_iters={hyper_conn_sinkhorn_iters} has no effect while upstream_compat=True, which sums "
        "the streams; leave one of them out",
    ),
)
