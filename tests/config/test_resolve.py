"""From flat values to the frozen options of each layer."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from paddle_xformers.config import LayerOptions, StackOptions, schema, stack_options, validate
from paddle_xformers.config.options import AttentionOptions, FeedForwardOptions

from .config_values import flat

CROSS = {"depth": 2, "cross_attend": True}


def resolved(**given: Any) -> StackOptions:
    values = flat(**given)
    validate(values, schema())
    return stack_options(values, causal=True)


def branches(options: StackOptions, kind: str) -> list[Any]:
    return [layer.branch for layer in options.layers if layer.kind == kind]


def test_every_layer_has_its_kind_and_ordinal():
    options = resolved(**CROSS)
    found = [(layer.kind, layer.ordinal) for layer in options.layers]
    assert found == [("a", 0), ("c", 0), ("f", 0), ("a", 1), ("c", 1), ("f", 1)]
    assert [type(layer.branch) for layer in options.layers] == [
        AttentionOptions,
        AttentionOptions,
        FeedForwardOptions,
    ] * 2
    assert (options.order, options.block_length) == ((0, 1, 2, 3, 4, 5), 3)
    assert options.has_cross_attention


def test_groups_arrive_under_their_names():
    options = resolved(dim=48, norm="rmsnorm", num_tokens=61, rotary_pos_emb=True, max_mem_len=7)
    assert options.dim == options.model.dim == 48
    assert options.norm.norm == "rmsnorm"
    assert options.tokens.num_tokens == 61
    assert options.position.rotary_pos_emb
    assert options.memory.max_mem_len == 7
    assert options.causal
    assert not options.has_cross_attention


@pytest.mark.parametrize("kind", ["a", "c", "f", "*"])
def test_each_layer_gets_its_own_entry_of_a_list(kind):
    field = {"a": "attn_dropout", "c": "cross_attn_dropout", "f": "ff_dropout", "*": "layer_dropout"}[kind]
    shares = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6][: 6 if kind == "*" else 2]
    options = resolved(**CROSS, **{field: shares})
    if kind == "*":
        assert [layer.drop_rate for layer in options.layers] == shares
    else:
        name = field.removeprefix("cross_")
        assert [getattr(branch, name) for branch in branches(options, kind)] == shares
        others = [branch for layer in "acf".replace(kind, "") for branch in branches(options, layer)]
        assert all(getattr(branch, name, 0.0) == 0.0 for branch in others)


def test_one_value_reaches_every_layer():
    options = resolved(depth=3, attn_kv_heads=2, ff_mult=2, layer_dropout=0.25)
    assert [branch.attn_kv_heads for branch in branches(options, "a")] == [2, 2, 2]
    assert [branch.ff_mult for branch in branches(options, "f")] == [2, 2, 2]
    assert {layer.drop_rate for layer in options.layers} == {0.25}


def test_cross_attention_is_as_self_attention_unless_told_otherwise():
    options = resolved(**CROSS, heads=4, attn_kv_heads=2, attn_dropout=0.3, attn_qkv_bias=True, cross_attn_dropout=0.0)
    own, cross = branches(options, "a")[0], branches(options, "c")[0]
    assert (own.attn_kv_heads, own.attn_dropout, own.attn_qkv_bias) == (2, 0.3, True)
    assert (cross.attn_kv_heads, cross.attn_dropout, cross.attn_qkv_bias) == (2, 0.0, True)
    assert cross.heads == 4


def test_a_list_for_self_attention_says_nothing_about_cross_attention():
    options = resolved(**CROSS, heads=4, attn_kv_heads=[1, 2])
    assert [branch.attn_kv_heads for branch in branches(options, "a")] == [1, 2]
    assert [branch.attn_kv_heads for branch in branches(options, "c")] == [None, None]


def test_every_twin_overrides_its_field():
    twins = [info for name, info in schema().items() if name.startswith("cross_attn_") and name[6:] in schema()]
    assert len(twins) > 10
    for info in twins:
        name = info.name.removeprefix("cross_")
        example = next(value for value in info.examples if not isinstance(value, tuple))
        options = resolved(**{**CROSS, "heads": 4, **info.needs, **info.beside, info.name: example})
        assert {getattr(branch, name) for branch in branches(options, "c")} == {example}, info.name
        default = schema()[name].default
        assert {getattr(branch, name) for branch in branches(options, "a")} == {default}, info.name


def test_the_width_of_the_context_reaches_cross_attention_only():
    options = resolved(**CROSS, cross_attn_dim_context=20)
    assert [layer.context_dim for layer in options.layers] == [None, 20, None] * 2


def test_macaron_counts_each_feedforward_half():
    options = resolved(depth=1, macaron=True)
    assert [(layer.kind, layer.branch_scale) for layer in options.layers] == [
        ("f", 0.5),
        ("a", 1.0),
        ("f", 0.5),
    ]


def test_tied_layers_are_built_once_and_their_lists_have_one_entry():
    options = resolved(depth=3, weight_tie_layers=True, ff_mult=[2], layer_dropout=[0.1, 0.2])
    assert len(options.layers) == 2
    assert options.order == (0, 1) * 3
    assert [layer.drop_rate for layer in options.layers] == [0.1, 0.2]


def test_options_shared_by_all_layers_hold_no_list():
    options = resolved(depth=2, heads=4, attn_kv_heads=[1, 2], attn_dropout=[0.1, 0.2])
    values = dataclasses.asdict(options.attention)
    assert not [name for name, value in values.items() if isinstance(value, (list, tuple))]
    assert options.attention.heads == 4


def test_options_can_be_compared_and_hashed():
    first, second = resolved(**CROSS), resolved(**CROSS)
    assert first == second
    assert hash(first) == hash(second)
    assert isinstance(first.layers[0], LayerOptions)


def test_none_in_a_list_of_cross_attention_is_what_self_attention_does():
    options = resolved(**CROSS, attn_num_mem_kv=3, cross_attn_num_mem_kv=[None, 2])
    assert [branch.attn_num_mem_kv for branch in branches(options, "c")] == [3, 2]
    options = resolved(**CROSS, attn_num_mem_kv=[3, 4], cross_attn_num_mem_kv=[2, None])
    assert [branch.attn_num_mem_kv for branch in branches(options, "c")] == [2, 0]
