"""Lists with one value a layer."""

from __future__ import annotations

import pytest

from paddle_xformers import ConfigError, XDecoderConfig, layer_schedule
from paddle_xformers.config.resolve import stack_options


def test_a_schedule_goes_from_the_first_value_to_the_last():
    assert layer_schedule(0.0, 0.4, 5, "linear") == pytest.approx((0.0, 0.1, 0.2, 0.3, 0.4))
    assert layer_schedule(2.0, 1.0, 3) == pytest.approx((2.0, 1.5, 1.0))
    assert layer_schedule(0.0, 1.0, 5) == pytest.approx((0.0, 0.5 - 8**-0.5, 0.5, 0.5 + 8**-0.5, 1.0))
    assert layer_schedule(1.0, 3.0, 3, lambda share: share**2) == pytest.approx((1.0, 1.5, 3.0))
    assert layer_schedule(0.3, 0.9, 1) == (0.3,)


@pytest.mark.parametrize(
    ("given", "message"),
    [((0.0, 1.0, 0), "depth=0 .* at least 1"), ((0.0, 1.0, 3, "step"), "schedule='step' .* 'linear', 'cosine'")],
)
def test_what_is_no_schedule_is_refused(given, message):
    with pytest.raises(ConfigError, match=message):
        layer_schedule(*given)


def test_each_layer_of_a_kind_gets_its_entry_and_cross_attention_its_own():
    """Prefixes as in x-transformers: attn_ is about all attention, cross_attn_ and ff_ about their own layers."""
    config = XDecoderConfig(
        depth=3,
        cross_attend=True,
        attn_dropout=layer_schedule(0.0, 0.2, 3, "linear"),
        cross_attn_dropout=(0.4, 0.5, 0.6),
        attn_kv_heads=2,
        ff_dropout=layer_schedule(0.3, 0.1, 3, "linear"),
    )
    config.validate()
    layers = stack_options(config.values(), causal=True).layers
    found = {kind: [layer.branch for layer in layers if layer.kind == kind] for kind in "acf"}
    assert [branch.attn_dropout for branch in found["a"]] == pytest.approx([0.0, 0.1, 0.2])
    assert [branch.attn_dropout for branch in found["c"]] == [0.4, 0.5, 0.6]
    assert [branch.attn_kv_heads for branch in found["a"] + found["c"]] == [2] * 6
    assert [branch.ff_dropout for branch in found["f"]] == pytest.approx([0.3, 0.2, 0.1])
