"""The rules between fields of the residual connections."""

from __future__ import annotations

from typing import Any

from .rule import Rule, Values, each


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


RESIDUAL_RULES: tuple[Rule, ...] = (
    Rule(
        ("residual", "num_residual_streams"),
        lambda v: (v["residual"] == "hyper") != (v["num_residual_streams"] > 1),
        "residual={residual!r} does not go with num_residual_streams={num_residual_streams}: residual='hyper' "
        "needs at least 2 streams, every other kind has 1",
    ),
    Rule(
        ("scale_residual", "residual"),
        lambda v: v["scale_residual"] and v["residual"] == "hyper",
        "scale_residual=True does not go with residual='hyper', whose streams have learned factors already; leave one "
        "of them out",
    ),
    Rule(
        ("scale_residual_constant", "residual"),
        lambda v: v["scale_residual_constant"] != 1 and v["residual"] == "hyper",
        "scale_residual_constant={scale_residual_constant} does not go with residual='hyper', whose streams have "
        "learned factors already; leave one of them out",
    ),
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
