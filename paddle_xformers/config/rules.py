"""The rules between fields, in one list: what excludes what, what needs what, and the way out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .attention_rules import ATTENTION_RULES
from .continuous_rules import CONTINUOUS_RULES
from .feedforward_rules import FEEDFORWARD_RULES
from .field import FieldInfo
from .layout import block_of, layer_layout, par_places
from .modality_rules import MODALITY_RULES
from .options import LayoutOptions
from .output_rules import OUTPUT_RULES
from .position_rules import POSITION_RULES
from .residual_rules import RESIDUAL_RULES
from .rounds_rules import ROUNDS_RULES
from .rule import Rule, Values, each, kinds
from .schema import group_values, schema, value_in_force
from .vision_rules import VISION


def _layer_indices_misfit(v: Values) -> bool:
    order = v["layers_execute_order"]
    return order is not None and (not order or any(not 0 <= index < len(kinds(v)) for index in order))


def _steps_of_self_attention(v: Values) -> int:
    return _steps_of("a", v)


def _steps_of(kind: str, v: Values) -> int:
    options = LayoutOptions(**group_values(LayoutOptions, v))
    layout = layer_layout(options)
    return sum(layout.kinds[index] == kind for index in layout.order if 0 <= index < len(layout.kinds))


def _par_misfit(v: Values) -> bool:
    """Whether the attention blocks of a PAR order are none, too wide for their place, or too many."""
    if v["par_ratio"] is None:
        return False
    options = LayoutOptions(**group_values(LayoutOptions, v))
    block = block_of(options)
    blocks, width = par_places(options)
    too_narrow = width < sum(kind != "f" for kind in block)
    return not blocks or too_narrow or blocks * width > options.depth * len(block)


def _special_orders(v: Values) -> int:
    return sum(v[name] is not None for name in ("custom_layers", "par_ratio", "sandwich_coef"))


COMBINATIONS: tuple[Rule, ...] = (
    *POSITION_RULES,
    *ATTENTION_RULES,
    *FEEDFORWARD_RULES,
    *RESIDUAL_RULES,
    *OUTPUT_RULES,
    *ROUNDS_RULES,
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
        "of built layers - 1 (depth={depth}, cross_attend={cross_attend}, only_attn={only_attn})",
    ),
    Rule(
        ("par_ratio", "depth"),
        _par_misfit,
        "par_ratio={par_ratio} does not fit the layers of depth={depth} (cross_attend={cross_attend}, "
        "macaron={macaron}): the attention blocks would be none, too many, or too wide for their place; try another "
        "par_ratio (2, 3, 4 ...) or a larger depth",
    ),
    Rule(
        ("sandwich_coef", "cross_attend", "depth", "only_cross"),
        lambda v: (
            v["sandwich_coef"] is not None
            and v["cross_attend"]
            and (v["only_cross"] or v["sandwich_coef"] == v["depth"])
        ),
        "sandwich_coef={sandwich_coef} of depth={depth} blocks replaces whole blocks by self attention: with "
        "cross_attend={cross_attend} it must be less than depth, and only_cross={only_cross} must be off",
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
        ("shift_tokens", "dim"),
        lambda v: 2 * max(each(v["shift_tokens"])) + 1 > v["dim"],
        "shift_tokens={shift_tokens} leaves no feature for some shifts: dim={dim} must be at least "
        "2 * shift_tokens + 1; use a smaller shift",
    ),
    Rule(
        ("ff_deep_embed", "custom_layers", "only_attn", "layers_execute_order"),
        lambda v: v["ff_deep_embed"] and not _steps_of("f", v),
        "ff_deep_embed=True has no effect without a feed-forward layer that runs (custom_layers={custom_layers!r}, "
        "only_attn={only_attn}, layers_execute_order={layers_execute_order!r}); add one or leave it out",
    ),
    Rule(
        ("embed_num_tokens",),
        lambda v: (
            v["embed_num_tokens"] is not None
            and not (
                v["embed_num_tokens"]
                and all(name.isidentifier() and size > 0 for name, size in v["embed_num_tokens"].items())
            )
        ),
        "embed_num_tokens={embed_num_tokens!r} must hold at least one name, each of letters, digits and _, with a "
        "number of ids >= 1; mend it or leave it out",
    ),
    Rule(
        ("norm_bias", "norm"),
        lambda v: v["norm_bias"] and v["norm"] != "layernorm",
        "norm_bias=True needs norm='layernorm', but norm={norm!r}; other norms have no bias",
    ),
    Rule(
        ("norm_eps", "norm"),
        lambda v: v["norm_eps"] is not None and v["norm"] in ("dynamic_tanh", "derf", "identity"),
        "norm_eps={norm_eps} has no effect while norm={norm!r}, which has no root; leave it out",
    ),
    Rule(
        ("norm_eps", "norm"),
        lambda v: v["norm_eps"] is not None and v["norm"].endswith("layernorm") and v["norm_eps"] > 1e-3,
        "norm_eps={norm_eps} is more than Paddle's LayerNorm (norm={norm!r}) allows; use at most 0.001, or another "
        "norm",
    ),
    Rule(
        ("tie_word_embeddings", "emb_dim", "dim"),
        lambda v: v["tie_word_embeddings"] and v["emb_dim"] not in (None, v["dim"]),
        "tie_word_embeddings=True needs emb_dim equal to dim, but emb_dim={emb_dim} and dim={dim}; "
        "untie or use one width",
    ),
    Rule(
        ("tie_word_embeddings", "token_emb"),
        lambda v: v["tie_word_embeddings"] and v["token_emb"] != "lookup",
        "tie_word_embeddings=True makes the table of embeddings the output head, and token_emb={token_emb!r} has no "
        "table; untie or use token_emb='lookup'",
    ),
    Rule(
        ("memory_tokens_interspersed_every", "num_memory_tokens"),
        lambda v: v["memory_tokens_interspersed_every"] is not None and not v["num_memory_tokens"],
        "memory_tokens_interspersed_every={memory_tokens_interspersed_every} has no effect while num_memory_tokens=0; "
        "set num_memory_tokens or leave it out",
    ),
    Rule(
        ("shift_mem_down", "depth"),
        lambda v: v["shift_mem_down"] > 0 and v["shift_mem_down"] >= _steps_of_self_attention(v),
        "shift_mem_down={shift_mem_down} is not less than the number of self attention layers that run "
        "(depth={depth}, only_cross={only_cross}); use a smaller shift",
    ),
    Rule(
        ("shift_mem_down", "max_mem_len"),
        lambda v: v["shift_mem_down"] > 0 and v["max_mem_len"] == 0,
        "shift_mem_down={shift_mem_down} has no effect while max_mem_len=0; set max_mem_len or leave it out",
    ),
    Rule(
        ("pooler_dense", "pooler"),
        lambda v: v["pooler_dense"] and v["pooler"] == "none",
        "pooler_dense=True has no effect while pooler='none'; choose a pooler or leave it out",
    ),
    Rule(
        ("pooler_normalize", "pooler"),
        lambda v: v["pooler_normalize"] and v["pooler"] == "none",
        "pooler_normalize=True has no effect while pooler='none'; choose a pooler or leave it out",
    ),
    *CONTINUOUS_RULES,
    *MODALITY_RULES,
)


def _need(info: FieldInfo, other: str, value: Any) -> Rule:
    """The rule that a field may only be set where the field it needs has the value it needs."""
    return Rule(
        (info.name, other),
        lambda v: v[info.name] != info.default and value not in each(value_in_force(other, v)),
        f"{info.name}={{{info.name}!r}} has no effect while {other}={{{other}!r}}; "
        f"set {other}={value!r} or leave it out",
    )


def rules_of(fields: Mapping[str, FieldInfo]) -> tuple[Rule, ...]:
    """Return the rules of a family: what its declarations say they need, then the combinations of its fields.

    Args:
        fields: The fields of the family.
    """
    made = _MADE.get(id(fields))
    if made is None:
        made = _MADE[id(fields)] = (fields, (*rules_of_needs(fields), *combinations_of(fields)))
    return made[1]


# Rules of a schema by its identity, and the schema, so that no other one takes its place: made once, read at every
# construction of a configuration.
_MADE: dict[int, tuple[Mapping[str, FieldInfo], tuple[Rule, ...]]] = {}


def rules_of_needs(fields: Mapping[str, FieldInfo]) -> tuple[Rule, ...]:
    """Return a rule for each field of a family that has no effect without a value of another one.

    Args:
        fields: The fields of the family.
    """
    return tuple(_need(info, other, value) for info in fields.values() for other, value in info.needs.items())


def combinations_of(fields: Mapping[str, FieldInfo]) -> tuple[Rule, ...]:
    """Return the rules between several fields that a family has.

    Args:
        fields: The fields of the family.
    """
    return tuple(rule for rule in (*COMBINATIONS, *VISION) if set(rule.fields) <= set(fields))


# The rules of all families.
RULES: tuple[Rule, ...] = rules_of(schema())


def broken_rules(values: Values, fields: Mapping[str, FieldInfo]) -> list[str]:
    """Return the sentence of every rule that the values break.

    Args:
        values: Value of every field of the family.
        fields: The fields of the family.
    """
    return broken(rules_of(fields), values)


def broken(rules: Iterable[Rule], values: Values) -> list[str]:
    """Return the sentence of every one of some rules that the values break.

    Args:
        rules: The rules.
        values: Value of every field that they read or name.
    """
    return [rule.sentence.format(**values) for rule in rules if rule.broken(values)]
