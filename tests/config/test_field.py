"""How fields are declared, what a value may be, and what the schema makes of the declarations."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from paddle_xformers.config import FieldInfo, option, schema
from paddle_xformers.config.field import accepts_list, fields_of, value_problem
from paddle_xformers.config.options import ALL_GROUPS, AttentionOptions, NormOptions
from paddle_xformers.config.schema import group_values


@dataclass(frozen=True)
class Options:
    """One field of every sort."""

    count: int = option(4, "A count.", feature="x", minimum=1, maximum=8)
    share: float = option(0.5, "A share.", feature="x", above=0, per_layer="a")
    width: int | None = option(None, "A width.", feature="x", minimum=2, examples=(3,))
    switch: bool = option(False, "A switch.", feature="x")
    kind: str = option("one", "A kind.", feature="x", choices=("one", "two", "three"))
    order: tuple[int, ...] | None = option(None, "An order.", feature="x", examples=((0, 1),))


FIELDS = {info.name: info for info in fields_of(Options)}


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("count", 1),
        ("count", 8),
        ("share", 0.25),
        ("share", 1),  # a whole number is a number
        ("width", None),
        ("width", 2),
        ("switch", True),
        ("kind", "three"),
        ("order", None),
        ("order", [0, 1]),
        ("order", (2,)),
    ],
)
def test_allowed_values_have_no_problem(name, value):
    assert value_problem(FIELDS[name], value) is None


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("count", 0, "is too small"),
        ("count", 9, "is too large"),
        ("count", True, "is a bool"),
        ("count", 2.0, "is a float"),
        ("count", None, "is a NoneType"),
        ("share", 0, "is too small"),
        ("share", float("nan"), "is not a number"),
        ("share", "0.5", "is a str"),
        ("share", True, "is a bool"),
        ("width", 1, "is too small"),
        ("switch", 1, "is a int"),
        ("kind", "four", "is not a known name"),
        ("kind", 1, "is a int"),
        ("order", [0, "1"], "is a list"),
        ("order", 3, "is a int"),
    ],
)
def test_what_is_wrong_with_a_value(name, value, problem):
    assert value_problem(FIELDS[name], value) == problem


def test_allowed_in_words():
    assert FIELDS["count"].allowed == "int, >= 1 and <= 8"
    assert FIELDS["share"].allowed == "float, > 0, or a list with one such value a layer"
    assert FIELDS["width"].allowed == "int | None, >= 2"
    assert FIELDS["kind"].allowed == "one of 'one', 'two', 'three'"
    assert FIELDS["order"].allowed == "list of int | None"


def test_switches_and_choices_know_their_other_values():
    assert FIELDS["switch"].examples == (True,)
    assert FIELDS["kind"].examples == ("two", "three")
    assert FIELDS["count"].examples == ()


def test_only_a_field_whose_own_type_is_a_list_accepts_one():
    assert [name for name, info in FIELDS.items() if accepts_list(info)] == ["order"]


def test_fields_keep_the_order_of_declaration():
    assert list(FIELDS) == [field.name for field in dataclasses.fields(Options)]
    assert {info.group for info in FIELDS.values()} == {"Options"}


def test_the_schema_holds_every_declared_field_once():
    declared = [info.name for group in ALL_GROUPS for info in fields_of(group)]
    assert len(declared) == len(set(declared))
    of_attention = [info.name for info in fields_of(AttentionOptions)]
    twins = {"cross_" + name for name in of_attention if name.startswith("attn_")}
    assert set(schema()) == {*declared, *twins, "cross_attn_dim_context"}


def test_a_field_of_a_socket_says_that_it_takes_registered_names():
    assert schema()["ff_layer"].allowed == "one of 'mlp' or a registered name, or a list with one such value a layer"


@pytest.mark.parametrize("info", schema().values(), ids=schema())
def test_defaults_and_examples_are_allowed(info: FieldInfo):
    assert value_problem(info, info.default) is None
    for example in info.examples:
        singles = example if isinstance(example, tuple) and not accepts_list(info) else (example,)
        assert [value_problem(info, single) for single in singles] == [None] * len(singles)
        assert example != info.default
    assert set(info.needs) <= set(schema())


@pytest.mark.parametrize("name", [info.name for info in fields_of(AttentionOptions) if info.name != "heads"])
def test_cross_twins(name):
    if not name.startswith("attn_"):
        assert "cross_" + name not in schema() or schema()["cross_" + name].default is not None
        return
    own, twin = schema()[name], schema()["cross_" + name]
    assert twin.default is None
    assert value_problem(twin, None) is None
    assert value_problem(twin, own.default) is None
    assert (twin.choices, twin.minimum, twin.above, twin.maximum) == (
        own.choices,
        own.minimum,
        own.above,
        own.maximum,
    )
    assert twin.per_layer == {"a": "c", None: None}[own.per_layer]
    assert name in twin.meaning


def test_group_values_fill_in_defaults_and_freeze_lists():
    assert group_values(NormOptions, {"norm": "rmsnorm", "dim": 3}) == {
        "norm": "rmsnorm",
        "dynamic_tanh_init_alpha": 1.0,
        "norm_bias": False,
        "norm_eps": None,
        "norm_placement": "pre",
        "softclamp_output": False,
        "softclamp_output_value": 30.0,
        "final_norm": None,
    }
    assert group_values(AttentionOptions, {"attn_kv_heads": [1, 2]})["attn_kv_heads"] == (1, 2)


def test_options_are_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        NormOptions().norm = "rmsnorm"
