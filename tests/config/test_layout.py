"""From layout fields to layers and their order: a pure function."""

from __future__ import annotations

import pytest

from paddle_xformers.config import schema, validate
from paddle_xformers.config.layout import Layout, block_of, layer_layout
from paddle_xformers.config.options import LayoutOptions
from paddle_xformers.errors import ConfigError

from .config_values import flat


def layout(**fields) -> Layout:
    return layer_layout(LayoutOptions(**fields))


def kinds(**fields) -> str:
    return "".join(layout(**fields).kinds)


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"depth": 2}, "afaf"),
        ({"depth": 2, "cross_attend": True}, "acfacf"),
        ({"depth": 2, "cross_attend": True, "only_cross": True}, "cfcf"),
        ({"depth": 2, "macaron": True}, "faf" * 2),
        ({"depth": 1, "macaron": True, "cross_attend": True}, "facf"),
        ({"depth": 3, "only_attn": True}, "aaa"),
        ({"depth": 2, "only_attn": True, "cross_attend": True}, "acac"),
        ({"depth": 6, "custom_layers": ("a", "f", "f")}, "aff"),
        ({"depth": 3, "sandwich_coef": 1}, "a" + "afaf" + "f"),
        ({"depth": 3, "sandwich_coef": 3}, "aaafff"),
        ({"depth": 4, "par_ratio": 2}, "aaaa" + "ffff"),
        ({"depth": 6, "par_ratio": 3}, "af" * 4 + "ffff"),
        ({"depth": 4, "weight_tie_layers": True}, "af"),
    ],
)
def test_kinds_of_the_built_layers(fields, expected):
    assert kinds(**fields) == expected


def test_layers_run_in_the_order_they_are_built():
    assert layout(depth=2).order == (0, 1, 2, 3)


def test_tied_layers_run_depth_times():
    tied = layout(depth=3, weight_tie_layers=True)
    assert tied.kinds == ("a", "f")
    assert tied.order == (0, 1) * 3


def test_an_order_of_execution_may_repeat_and_skip():
    assert layout(depth=2, layers_execute_order=(2, 3, 2, 3, 1)).order == (2, 3, 2, 3, 1)


@pytest.mark.parametrize(
    ("fields", "length"),
    [
        ({}, 2),
        ({"cross_attend": True}, 3),
        ({"macaron": True}, 3),
        ({"only_attn": True}, 1),
        ({"weight_tie_layers": True}, 2),
        ({"custom_layers": ("a", "f")}, 1),
        ({"sandwich_coef": 1}, 1),
        ({"par_ratio": 2}, 1),
        ({"layers_execute_order": (0, 1)}, 1),
    ],
)
def test_length_of_a_block(fields, length):
    assert layout(depth=4, **fields).block_length == length


def test_count():
    found = layout(depth=3, cross_attend=True)
    assert [found.count(kind) for kind in ("a", "c", "f", "*")] == [3, 3, 3, 9]


def test_the_block_does_not_depend_on_depth():
    assert block_of(LayoutOptions(depth=9)) == ("a", "f")


@pytest.mark.parametrize("depth", [4, 6, 9, 12])
@pytest.mark.parametrize(("ratio", "block"), [(2, "a"), (3, "a"), (4, "a"), (3, "ac"), (4, "ac")])
def test_par_order(depth, ratio, block):
    """As many layers as plain blocks have; attention early, feed-forward layers at the end."""
    cross = "c" in block
    total = depth * (len(block) + 1)
    found = kinds(depth=depth, par_ratio=ratio, cross_attend=cross)
    assert len(found) == total
    assert found.count(block) == total // ratio
    assert found.replace(block, "").strip("f") == ""
    assert found.endswith("f" * (total - -(-total * 2 // 3) - 1))


@pytest.mark.parametrize(
    "fields",
    [{"depth": 2, "par_ratio": 9}, {"depth": 4, "par_ratio": 2, "cross_attend": True}, {"depth": 3, "par_ratio": 4}],
)
def test_a_par_ratio_without_room_is_refused(fields):
    with pytest.raises(ConfigError, match=rf"par_ratio={fields['par_ratio']} does not fit the layers of depth="):
        validate(flat(**fields), schema())


def test_it_is_a_pure_function():
    options = LayoutOptions(depth=3, sandwich_coef=1)
    assert layer_layout(options) == layer_layout(options)
    assert options == LayoutOptions(depth=3, sandwich_coef=1)
