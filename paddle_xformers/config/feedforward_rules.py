"""The rules between fields of the feed-forward layers."""

from __future__ import annotations

from .rule import Rule, by_layer, each

FEEDFORWARD_RULES: tuple[Rule, ...] = (
    Rule(
        ("ff_dim", "ff_mult"),
        lambda v: v["ff_dim"] is not None and v["ff_mult"] != 4,
        "ff_dim={ff_dim} and ff_mult={ff_mult} both set the inner width of the feed-forward layers; keep one",
    ),
    Rule(
        ("ff_glu_mult_bias", "ff_glu"),
        lambda v: any(each(v["ff_glu_mult_bias"])) and not any(each(v["ff_glu"])),
        "ff_glu_mult_bias=True has no effect while ff_glu={ff_glu}; set ff_glu=True or leave it out",
    ),
    Rule(
        ("ff_softclamp_value", "ff_glu"),
        lambda v: (
            any(value is not None for value in each(v["ff_softclamp_value"]))
            and all(value is None or glu for value, glu in by_layer(v, "ff_softclamp_value", "ff_glu"))
        ),
        "ff_softclamp_value={ff_softclamp_value} has no effect while ff_glu={ff_glu}; use ff_glu_softclamp=True "
        "instead or leave it out",
    ),
    Rule(
        ("ff_glu_softclamp", "ff_activation"),
        lambda v: any(
            clamped and glu and name not in ("gelu", "silu")
            for clamped, glu, name in by_layer(v, "ff_glu_softclamp", "ff_glu", "ff_activation")
        ),
        "ff_glu_softclamp={ff_glu_softclamp} clamps the linear factor of gelu or silu, which ff_activation="
        "{ff_activation!r} is not; choose one of the two or leave it out",
    ),
)
