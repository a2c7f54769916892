"""XDecoderConfig behaves as PaddleNLP's own configurations do (its ConfigTester, in our words), and a little better."""

from __future__ import annotations

import json
from typing import Any

import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM
from paddle_xformers.errors import ConfigError

COMMON = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size")
SMALL = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "num_tokens": 61}

# Keys that PaddleNLP's configurations hold beside the architecture, and some that they never heard of.
GENERIC: dict[str, Any] = {
    "return_dict": True,
    "output_hidden_states": True,
    "output_attentions": True,
    "use_cache": True,
    "dtype": "float16",
    "tie_word_embeddings": True,
    "is_decoder": True,
    "pruned_heads": {"0": [1]},
    "chunk_size_feed_forward": 5,
    "architectures": ["XDecoderModel"],
    "finetuning_task": "translation",
    "id2label": {0: "label"},
    "tokenizer_class": "XByteTokenizer",
    "prefix": "prefix",
    "bos_token_id": 6,
    "pad_token_id": 7,
    "eos_token_id": 8,
    "sep_token_id": 9,
    "decoder_start_token_id": 10,
    "task_specific_params": {"translation": "some_params"},
    "problem_type": "regression",
    "max_length": 50,
    "min_length": 3,
    "do_sample": True,
    "early_stopping": True,
    "num_beams": 3,
    "num_beam_groups": 3,
    "diversity_penalty": 0.5,
    "temperature": 2.0,
    "top_k": 10,
    "top_p": 0.7,
    "typical_p": 0.2,
    "repetition_penalty": 0.8,
    "length_penalty": 0.8,
    "no_repeat_ngram_size": 5,
    "bad_words_ids": [1, 2, 3],
    "num_return_sequences": 3,
    "output_scores": True,
    "return_dict_in_generate": True,
    "forced_bos_token_id": 2,
    "forced_eos_token_id": 3,
    "remove_invalid_values": True,
    "exponential_decay_length_penalty": [5, 1.01],
    "torchscript": True,
    "tf_legacy_loss": True,
    "use_bfloat16": True,
}


def given() -> dict[str, Any]:
    return {**SMALL, "rotary_pos_emb": True, "attn_kv_heads": (1, 2), "ff_mult": [2, 3], "pad_token_id": 0}


def test_it_can_be_made_of_nothing():
    config = XDecoderConfig()
    assert config.model_type == "xdecoder"
    config.validate()


@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("value", range(4))
def test_common_properties_are_set_one_at_a_time(name, value):
    """Small values, even 0, are no error before a model is built."""
    assert getattr(XDecoderConfig(**{name: value}), name) == value
    config = XDecoderConfig()
    setattr(config, name, value)
    assert getattr(config, name) == value


@pytest.mark.parametrize(("theirs", "ours"), XDecoderConfig.attribute_map.items())
def test_attributes_have_two_names(theirs, ours):
    config = XDecoderConfig()
    assert getattr(config, theirs) == getattr(config, ours)
    setattr(config, theirs, 3)
    assert getattr(config, ours) == 3
    setattr(config, ours, 5)
    assert getattr(config, theirs) == 5
    assert getattr(XDecoderConfig(**{theirs: 7}), ours) == 7


def test_a_json_string_holds_what_was_given():
    content = json.loads(XDecoderConfig(**given()).to_json_string())
    assert {name: content[name] for name in given()} == {**given(), "attn_kv_heads": [1, 2]}
    assert content["model_type"] == "xdecoder"
    assert content["xformers_version"]


def test_a_json_file_comes_back_equal(tmp_path):
    path = tmp_path / "config.json"
    first = XDecoderConfig(**given())
    first.to_json_file(str(path))
    second = XDecoderConfig.from_json_file(str(path))
    assert second.to_dict() == first.to_dict()


def test_a_folder_comes_back_equal(tmp_path):
    first = XDecoderConfig(**given())
    first.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    second = XDecoderConfig.from_pretrained(tmp_path)
    assert second.to_dict() == first.to_dict()


def test_fields_can_be_overridden_while_loading(tmp_path):
    XDecoderConfig(**given()).save_pretrained(tmp_path)
    assert XDecoderConfig.from_pretrained(tmp_path, hidden_size=48).dim == 48
    assert XDecoderConfig.from_pretrained(tmp_path, use_rmsnorm=True).norm == "rmsnorm"
    config, unused = XDecoderConfig.from_pretrained(tmp_path, dim=48, stranger=1, return_unused_kwargs=True)
    assert (config.dim, unused) == (48, {"stranger": 1})


@pytest.mark.parametrize("name", ["num_labels", "num_classes"])
def test_the_number_of_labels_has_two_names(name):
    config = XDecoderConfig(**{name: 5})
    assert (len(config.id2label), len(config.label2id)) == (5, 5)
    setattr(config, name, 3)
    assert (len(config.id2label), len(config.label2id)) == (3, 3)
    assert config.num_labels == config.num_classes == 3


@pytest.mark.parametrize(("name", "value"), GENERIC.items())
def test_generic_and_foreign_keys_are_kept(name, value):
    assert getattr(XDecoderConfig(**{name: value}), name) == value


def test_foreign_keys_survive_a_folder(tmp_path):
    XDecoderConfig(tf_legacy_loss=True, our_project={"run": 3}).save_pretrained(tmp_path)
    config = XDecoderConfig.from_pretrained(tmp_path)
    assert (config.tf_legacy_loss, config.our_project) == (True, {"run": 3})


def test_items_can_be_read():
    config = XDecoderConfig(eos_token_id=2)
    assert config["eos_token_id"] == 2
    assert config.get("no_such_key", "default") == "default"


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


def test_values_holds_exactly_the_declared_fields():
    config = XDecoderConfig(tf_legacy_loss=True)
    assert list(config.values()) == list(XDecoderConfig.fields())


def test_fields_do_not_take_names_that_paddlenlp_never_saves():
    """PaddleNLP leaves keys of its training flags out of config.json; a field of that name would be lost."""
    from paddlenlp.transformers.configuration_utils import LlmMetaConfig

    flags = {name for name in dir(LlmMetaConfig) if not name.startswith("_")}
    attributes = {row[0] for flag in flags for row in _rows(getattr(LlmMetaConfig, flag))}
    assert attributes, "PaddleNLP has changed its table of flags"
    assert attributes & set(XDecoderConfig.fields()) == set()


def _rows(value: Any) -> list[Any]:
    return [row for row in value if isinstance(row, tuple)] if isinstance(value, list) else []
