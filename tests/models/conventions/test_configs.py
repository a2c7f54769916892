"""Our configurations behave as PaddleNLP's own do (its ConfigTester, in our words), in every family."""

from __future__ import annotations

import json
from typing import Any

import pytest

from .members import CONFIGS, each_config, spelt

COMMON = ("hidden_size", "num_attention_heads", "num_hidden_layers", "vocab_size")

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


# Some fields, with a list and a tuple among them, and a key of PaddleNLP's.
GIVEN = {"dim": 32, "depth": 2, "heads": 4, "attn_kv_heads": (1, 2), "ff_mult": [2, 3]}


def given(config_class: Any) -> dict[str, Any]:
    """The same as a family has them."""
    return {**(spelt(config_class, GIVEN) or {}), "pad_token_id": 0}


@each_config
def test_it_can_be_made_of_nothing(config_class):
    config = config_class()
    assert config.model_type == config_class.__name__.removesuffix("Config").lower()
    config.validate()


@each_config
@pytest.mark.parametrize("name", COMMON)
@pytest.mark.parametrize("value", range(4))
def test_common_properties_are_set_one_at_a_time(config_class, name, value):
    """Small values, even 0, are no error before a model is built."""
    own = config_class.attribute_map.get(name)
    if own not in config_class.fields():
        return
    assert getattr(config_class(**{name: value}), name) == value
    config = config_class()
    setattr(config, name, value)
    assert getattr(config, name) == getattr(config, own) == value


NAMES = [(config, theirs, ours) for config in CONFIGS for theirs, ours in config.attribute_map.items()]


@pytest.mark.parametrize(("config_class", "theirs", "ours"), NAMES, ids=lambda part: getattr(part, "__name__", part))
def test_attributes_have_two_names(config_class, theirs, ours):
    config = config_class()
    assert getattr(config, theirs) == getattr(config, ours)
    setattr(config, theirs, 3)
    assert getattr(config, ours) == 3
    setattr(config, ours, 5)
    assert getattr(config, theirs) == 5
    assert getattr(config_class(**{theirs: 7}), ours) == 7


@each_config
def test_a_json_string_holds_what_was_given(config_class):
    values = given(config_class)
    assert len(values) >= 6
    content = json.loads(config_class(**values).to_json_string())
    listed = {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}
    assert {name: content[name] for name in values} == listed
    assert content["model_type"] == config_class.model_type
    assert content["xformers_version"]


@each_config
def test_a_json_file_comes_back_equal(config_class, tmp_path):
    path = tmp_path / "config.json"
    first = config_class(**given(config_class))
    first.to_json_file(str(path))
    assert config_class.from_json_file(str(path)).to_dict() == first.to_dict()


@each_config
@pytest.mark.parametrize("name", ["config.json", "model_config.json"])
def test_a_folder_comes_back_equal(config_class, tmp_path, name):
    """model_config.json is what PaddleNLP used to call the file."""
    first = config_class(**given(config_class))
    first.save_pretrained(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]
    (tmp_path / "config.json").rename(tmp_path / name)
    second = config_class.from_pretrained(tmp_path)
    assert second.to_dict() == first.to_dict()
    assert all(getattr(second, field) == value for field, value in first.values().items())


@each_config
@pytest.mark.parametrize("name", ["num_labels", "num_classes"])
def test_the_number_of_labels_has_two_names(config_class, name):
    config = config_class(**{name: 5})
    assert (len(config.id2label), len(config.label2id)) == (5, 5)
    setattr(config, name, 3)
    assert (len(config.id2label), len(config.label2id)) == (3, 3)
    assert config.num_labels == config.num_classes == 3


@each_config
@pytest.mark.parametrize(("name", "value"), GENERIC.items())
def test_generic_and_foreign_keys_are_kept(config_class, name, value):
    assert getattr(config_class(**{name: value}), name) == value


@each_config
def test_foreign_keys_survive_a_folder(config_class, tmp_path):
    config_class(tf_legacy_loss=True, our_project={"run": 3}).save_pretrained(tmp_path)
    config = config_class.from_pretrained(tmp_path)
    assert (config.tf_legacy_loss, config.our_project) == (True, {"run": 3})


@each_config
def test_items_can_be_read(config_class):
    config = config_class(eos_token_id=2)
    assert config["eos_token_id"] == 2
    assert config.get("no_such_key", "default") == "default"


@each_config
def test_values_holds_exactly_the_declared_fields(config_class):
    assert list(config_class(tf_legacy_loss=True).values()) == list(config_class.fields())


@each_config
def test_every_field_keeps_the_value_it_is_given(config_class):
    """Some of our fields have names that PaddleNLP's own configuration sets too."""
    for info in config_class.fields().values():
        for example in info.examples:
            wanted = list(example) if isinstance(example, tuple) else example
            around = {"residual": "hyper", "num_residual_streams": 2} if info.name == "num_residual_streams" else {}
            assert getattr(config_class(**{**around, info.name: example}), info.name) == wanted


@each_config
def test_fields_do_not_take_names_that_paddlenlp_never_saves(config_class):
    """PaddleNLP leaves keys of its training flags out of config.json; a field of that name would be lost."""
    from paddlenlp.transformers.configuration_utils import LlmMetaConfig

    flags = {name for name in dir(LlmMetaConfig) if not name.startswith("_")}
    attributes = {row[0] for flag in flags for row in _rows(getattr(LlmMetaConfig, flag))}
    assert attributes, "PaddleNLP has changed its table of flags"
    assert attributes & set(config_class.fields()) == set()


def _rows(value: Any) -> list[Any]:
    return [row for row in value if isinstance(row, tuple)] if isinstance(value, list) else []
