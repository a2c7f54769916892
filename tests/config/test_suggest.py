"""Did you mean: misspelt fields are told from keys that belong to others."""

from __future__ import annotations

import pytest

from paddle_xformers.config import misspelt, nearest, schema

KNOWN = ["num_tokens", "dim", "depth", "heads", "hidden_size", "attn_dropout", "ff_glu", "rotary_pos_emb"]


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("hiden_size", "hidden_size"),
        ("num_tokenz", "num_tokens"),
        ("attn_drop_out", "attn_dropout"),
        ("rotary_posemb", "rotary_pos_emb"),
        ("ff_gluu", "ff_glu"),
    ],
)
def test_a_near_miss_is_named(name, meant):
    sentence = misspelt(name, KNOWN)
    assert sentence is not None
    assert f"{name!r} is not a field" in sentence
    assert repr(meant) in sentence


def test_a_key_with_our_prefix_is_ours_even_if_nothing_is_near():
    assert "no field looks like it" in (misspelt("ff_zzzzzzzzzz", KNOWN) or "")
    assert "python -m paddle_xformers fields" in (misspelt("ff_zzzzzzzzzz", KNOWN) or "")


@pytest.mark.parametrize("name", ["tf_legacy_loss", "id2label", "use_bfloat16", "task_specific_params"])
def test_foreign_keys_are_left_alone(name):
    assert misspelt(name, schema()) is None


def test_nearest_gives_the_best_first_and_at_most_three():
    assert nearest("depht", KNOWN) == ["depth"]
    assert nearest("attn", schema())[:1] != []
    assert len(nearest("attn_dropout", schema())) <= 3
    assert nearest("attn_dropout", schema())[0] == "attn_dropout"
    assert nearest("qqqq", KNOWN) == []
