"""The rules between the fields of models over vectors."""

from __future__ import annotations

from .rule import Rule

CONTINUOUS_RULES: tuple[Rule, ...] = (
    Rule(
        ("input_bias", "dim_in"),
        lambda v: v["input_bias"] and v["dim_in"] is None,
        "input_bias=True has no effect while dim_in=None, for there is no projection; set dim_in or leave it out",
    ),
    Rule(
        ("output_bias", "dim_out"),
        lambda v: v["output_bias"] and v["dim_out"] is None,
        "output_bias=True has no effect while dim_out=None, for there is no projection; set dim_out or leave it out",
    ),
    Rule(
        ("probabilistic", "dim_out"),
        lambda v: v["probabilistic"] and v["dim_out"] is None,
        "probabilistic=True needs projections to mean and variance, but dim_out=None; set dim_out",
    ),
    Rule(
        ("regression_target", "causal"),
        lambda v: v["regression_target"] == "next" and not v["causal"],
        "regression_target='next' is no task for causal=False: a model that looks ahead sees the vector it shall "
        "predict; set causal=True or regression_target='same'",
    ),
    Rule(
        ("regression_loss", "probabilistic"),
        lambda v: v["regression_loss"] != "mse" and v["probabilistic"],
        "regression_loss={regression_loss!r} has no effect while probabilistic=True, whose loss is the negative log "
        "likelihood; leave one of them out",
    ),
)
