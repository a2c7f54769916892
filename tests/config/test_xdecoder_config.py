"""What XDecoderConfig takes and refuses beyond what PaddleNLP's own do: tests/models/conventions/test_configs.py."""

from __future__ import annotations

from typing import Any

import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM, XEncoderConfig
from paddle_xformers.errors import ConfigError

SMALL = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "num_tokens": 61}


def given() -> dict[str, Any]:
    return {**SMALL, "rotary_pos_emb": True, "attn_kv_heads": (1, 2), "ff_mult": [2, 3], "pad_token_id": 0}


def test_fields_can_be_overridden_while_loading(tmp_path):
    XDecoderConfig(**given()).save_pretrained(tmp_path)
    assert XDecoderConfig.from_pretrained(tmp_path, hidden_size=48).dim == 48
    assert XDecoderConfig.from_pretrained(tmp_path, use_rmsnorm=True).norm == "rmsnorm"
    config, unused = XDecoderConfig.from_pretrained(tmp_path, dim=48, stranger=1, return_unused_kwargs=True)
    assert (config.dim, unused) == (48, {"stranger": 1})


@pytest.mark.parametrize(
    ("key", "meant"),
    [("hiden_size", "hidden_size"), ("attn_drop_out", "attn_dropout"), ("rotary_posemb", "rotary_pos_emb")],
)
def test_a_misspelt_field_is_refused(key, meant):
    with pytest.raises(ConfigError, match=f"'{key}' is not a field of this model; did you mean .*'{meant}'"):
        XDecoderConfig(**{key: 3})


def test_an_unknown_key_with_our_prefix_is_refused():
    with pytest.raises(ConfigError, match="'attn_qqqq' is not a field"):
        XDecoderConfig(attn_qqqq=True)


def test_a_field_of_another_family_is_refused():
    with pytest.raises(ConfigError, match="pooler='mean' is a field of other families, not of XDecoderConfig"):
        XDecoderConfig(pooler="mean")
    with pytest.raises(ConfigError, match="max_mem_len=4 is a field of other families, not of XEncoderConfig"):
        XEncoderConfig(max_mem_len=4)


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ({"dim": 32}, {"hidden_size": 64}, "dim"),
        ({"use_rmsnorm": True}, {"use_scalenorm": True}, "norm"),
        ({"num_key_value_heads": 2}, {"attn_one_kv_head": True}, "attn_kv_heads"),
        ({"vocab_size": 61}, {"num_tokens": 60}, "num_tokens"),
    ],
)
def test_two_spellings_that_contradict_each_other_are_refused(first, second, field):
    with pytest.raises(ConfigError, match=rf"\b{field}\b.* give only one of them"):
        XDecoderConfig(**first, **second)
    for one in (first, second):
        assert getattr(XDecoderConfig(**one), field) != getattr(XDecoderConfig(), field)


def test_spellings_of_x_transformers_are_taken():
    config = XDecoderConfig(**SMALL, use_rmsnorm=True, ff_glu=True, ff_swish=True, alibi_pos_bias=True)
    assert (config.norm, config.ff_activation, config.position_bias) == ("rmsnorm", "silu", "alibi")


def test_lists_and_tuples_are_the_same():
    first, second = XDecoderConfig(ff_mult=(1, 2)), XDecoderConfig(ff_mult=[1, 2])
    assert first == second
    first.attn_kv_heads = (1, 2)
    assert first.attn_kv_heads == [1, 2]


def test_values_are_checked_when_a_model_is_built():
    config = XDecoderConfig(**{**SMALL, "heads": 3, "attn_kv_heads": 2})
    with pytest.raises(ConfigError, match="heads=3 is not a multiple of attn_kv_heads=2"):
        XDecoderForCausalLM(config)
    config.heads = 4
    XDecoderForCausalLM(config)
