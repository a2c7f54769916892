"""The rules between fields of the attention layer; each is one for self attention and one for cross attention."""

from __future__ import annotations

from .rule import Rule, each


def attention_rules(prefix: str) -> tuple[Rule, ...]:
    """Return the rules of one kind of attention.

    Args:
        prefix: Empty for self attention, `cross_` for cross attention.
    """
    kv_heads = f"{prefix}attn_kv_heads"
    return (
        Rule(
            ("heads", kv_heads),
            lambda v: any(kv is not None and v["heads"] % kv for kv in each(v[kv_heads])),
            f"heads={{heads}} is not a multiple of {kv_heads}={{{kv_heads}}}: every key/value head serves the same "
            "number of query heads; choose a divisor of heads",
        ),
    )


ATTENTION_RULES = (*attention_rules(""), *attention_rules("cross_"))
