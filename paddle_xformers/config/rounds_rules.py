"""The rules between fields of recycling and looping."""

from __future__ import annotations

from .rule import Rule

ROUNDS_RULES: tuple[Rule, ...] = (
    Rule(
        ("recycling", "looped"),
        lambda v: v["recycling"] and v["looped"],
        "recycling=True and looped=True exclude each other: both say what the next run of the stack begins with; keep "
        "one of them",
    ),
    Rule(
        ("recycling", "max_mem_len"),
        lambda v: v["recycling"] and v["max_mem_len"] > 0,
        "recycling=True and max_mem_len={max_mem_len} exclude each other: the number of runs changes from segment to "
        "segment, and each run would need mems of its own; keep one of them",
    ),
    Rule(
        ("looped", "num_output_heads"),
        lambda v: v["looped"] and v["num_output_heads"] > 1,
        "looped=True and num_output_heads={num_output_heads} exclude each other: the gate learns from the loss of one "
        "head; keep one of them",
    ),
    Rule(
        ("looped", "squeeze_out_last_dim"),
        lambda v: v["looped"] and v["squeeze_out_last_dim"],
        "looped=True and squeeze_out_last_dim=True exclude each other: the gate learns from the loss of tokens; keep "
        "one of them",
    ),
)
