"""Models come back from disk as they were, in every format PaddleNLP offers."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import paddle
import pytest
from safetensors import safe_open

from paddle_xformers import ConfigError, XDecoderConfig

from ..contracts.cases import SMALL, build, logits, tokens
from .small import assert_same_weights, content, load, weights

BUNDLE = {"rotary_pos_emb": True, "attn_kv_heads": 2, "ff_glu": True, "norm": "rmsnorm", "num_memory_tokens": 2}
ALIBI = {"position_bias": "alibi", "tie_word_embeddings": True}
HYPER = {"residual": "hyper", "num_residual_streams": 2, "position_bias": "t5"}

SAFE = {"model.safetensors"}
PDPARAMS = {"model_state.pdparams"}


def weight_files(folder: Path) -> set[str]:
    return set(content(folder)) - {"config.json", "generation_config.json"}


def test_safetensors_is_the_default_and_others_can_read_it(tmp_path):
    model = build(BUNDLE)
    model.save_pretrained(tmp_path)
    assert weight_files(tmp_path) == SAFE
    with safe_open(str(tmp_path / "model.safetensors"), framework="np") as file:
        assert file.metadata() == {"format": "np"}
        assert set(file.keys()) == set(weights(model))
        for name, value in weights(model).items():
            assert file.get_slice(name).get_dtype() == "F32"
            np.testing.assert_array_equal(file.get_tensor(name), value)


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("fields", [BUNDLE, ALIBI, HYPER], ids=["bundle", "alibi-tied", "hyper-t5"])
@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "pdparams"])
def test_whole_checkpoints_come_back(tmp_path, safe, fields, low_memory):
    model = build(fields)
    model.save_pretrained(tmp_path, safe_serialization=safe)
    assert weight_files(tmp_path) == (SAFE if safe else PDPARAMS)
    loaded = load(tmp_path, low_cpu_mem_usage=low_memory)
    assert_same_weights(loaded, model)
    np.testing.assert_array_equal(logits(loaded, tokens()), logits(model, tokens()))
    if fields is ALIBI:
        assert loaded.lm_head.weight is loaded.get_input_embeddings().weight


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "pdparams"])
def test_sharded_checkpoints_come_back(tmp_path, safe, low_memory):
    model = build(ALIBI)
    model.save_pretrained(tmp_path, safe_serialization=safe, max_shard_size="70KB")
    stem, ending = ("model", "safetensors") if safe else ("model_state", "pdparams")
    shards = {f"{stem}-0000{i}-of-00002.{ending}" for i in (1, 2)}
    assert weight_files(tmp_path) == {*shards, f"{stem}.{ending}.index.json"}
    index = json.loads((tmp_path / f"{stem}.{ending}.index.json").read_text())
    assert set(index["weight_map"]) == set(weights(model))
    assert set(index["weight_map"].values()) == shards
    loaded = load(tmp_path, low_cpu_mem_usage=low_memory)
    assert_same_weights(loaded, model)
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("dtype, step", [("float16", 2**-10), ("bfloat16", 2**-7)])
def test_half_precision_and_back(tmp_path, dtype, step, low_memory):
    model = build(BUNDLE)
    model.save_pretrained(tmp_path)
    half = load(tmp_path, dtype=dtype, low_cpu_mem_usage=low_memory)
    assert {parameter.dtype for parameter in half.parameters()} == {getattr(paddle, dtype)}
    half.save_pretrained(tmp_path)
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == dtype
    again = load(tmp_path)
    assert {parameter.dtype for parameter in again.parameters()} == {getattr(paddle, dtype)}
    back = load(tmp_path, dtype="float32", low_cpu_mem_usage=low_memory)
    assert {parameter.dtype for parameter in back.parameters()} == {paddle.float32}
    for name, value in weights(model).items():
        np.testing.assert_allclose(weights(back)[name], value, rtol=step, atol=1e-6, err_msg=name)
    np.testing.assert_allclose(logits(back, tokens()), logits(model, tokens()), atol=30 * step)


@pytest.mark.parametrize("dtype, code", [("float16", "F16")])  # bfloat16 is written as U16 by PaddleNLP
def test_header_names_the_type_of_the_numbers(tmp_path, dtype, code):
    build({}).save_pretrained(tmp_path)
    load(tmp_path, dtype=dtype).save_pretrained(tmp_path / "half")
    with safe_open(str(tmp_path / "half" / "model.safetensors"), framework="np") as file:
        assert {file.get_slice(name).get_dtype() for name in file.keys()} == {code}  # noqa: SIM118


def test_saving_over_another_format_leaves_no_stale_weights(tmp_path):
    ways = [
        {},
        {"safe_serialization": False},
        {"max_shard_size": "70KB"},
        {"max_shard_size": "40KB"},
        {"max_shard_size": "70KB", "safe_serialization": False},
        {},
    ]
    for seed, way in enumerate(ways):
        model = build(ALIBI, seed=seed)
        model.save_pretrained(tmp_path, **way)
        assert_same_weights(load(tmp_path), model)
        fresh = tmp_path / f"fresh{seed}"
        model.save_pretrained(fresh, **way)
        assert {name for name in content(tmp_path) if "/" not in name} == set(content(fresh))


def test_saving_leaves_files_of_others_alone(tmp_path):
    (tmp_path / "tokenizer_config.json").write_text("{}")
    (tmp_path / "optimizer.pdopt").write_bytes(b"state")
    build({}).save_pretrained(tmp_path)
    assert (tmp_path / "tokenizer_config.json").read_text() == "{}"
    assert (tmp_path / "optimizer.pdopt").read_bytes() == b"state"


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "pdparams"])
def test_variants_stand_beside_the_main_weights(tmp_path, safe):
    main, average = build({}, seed=1), build({}, seed=2)
    main.save_pretrained(tmp_path, safe_serialization=safe)
    average.save_pretrained(tmp_path, safe_serialization=safe, variant="ema")
    assert_same_weights(load(tmp_path, variant="ema"), average)
    assert_same_weights(load(tmp_path), main)


def test_home_is_expanded(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    model = build({})
    model.save_pretrained("~/saved")
    assert (tmp_path / "saved" / "model.safetensors").is_file()
    assert_same_weights(load("~/saved"), model)
    assert_same_weights(load(Path("~/saved")), model)


def test_folders_are_made_and_paths_may_be_of_any_kind(tmp_path, monkeypatch):
    model = build({})
    model.save_pretrained(str(tmp_path / "a" / "b" / "ç 模型"))
    assert_same_weights(load(str(tmp_path / "a" / "b" / "ç 模型")), model)
    monkeypatch.chdir(tmp_path)
    model.save_pretrained("here")
    assert_same_weights(load("here"), model)


def test_subfolder(tmp_path):
    model = build({})
    model.save_pretrained(tmp_path / "checkpoint-3")
    assert_same_weights(load(tmp_path, subfolder="checkpoint-3"), model)


def test_configuration_is_saved_as_config_json_only(tmp_path):
    config = XDecoderConfig(**SMALL, **BUNDLE)
    config.save_pretrained(str(tmp_path))
    assert set(content(tmp_path)) == {"config.json"}
    assert XDecoderConfig.from_pretrained(str(tmp_path)).values() == config.values()


def test_configuration_under_the_legacy_name(tmp_path):
    model = build(BUNDLE)
    model.save_pretrained(tmp_path)
    (tmp_path / "config.json").rename(tmp_path / "model_config.json")
    assert XDecoderConfig.from_pretrained(str(tmp_path)).values() == model.config.values()
    assert_same_weights(load(tmp_path), model)


def test_configuration_given_by_hand(tmp_path):
    model = build({})
    model.save_pretrained(tmp_path)
    config = XDecoderConfig(**{**SMALL, "layer_dropout": 0.5})
    loaded = load(tmp_path, config=config)
    assert loaded.config.layer_dropout == 0.5
    assert_same_weights(loaded, model)


@pytest.mark.parametrize(
    "given, field, value",
    [
        ({"layer_dropout": 0.1}, "layer_dropout", 0.1),
        ({"use_rmsnorm": True}, "norm", "rmsnorm"),
        ({"alibi_pos_bias": True}, "position_bias", "alibi"),
        ({"attn_flash": False}, "attn_kernel", "eager"),
        ({"max_position_embeddings": 64}, "max_seq_len", 64),
        ({"num_labels": 5}, "num_labels", 5),
        ({"use_cache": True}, "use_cache", True),
        ({"attn_dropout": 0.25, "low_cpu_mem_usage": True}, "attn_dropout", 0.25),
    ],
)
def test_fields_may_be_overridden_while_loading(tmp_path, given, field, value):
    model = build({})
    model.save_pretrained(tmp_path)
    before = content(tmp_path)
    loaded = load(tmp_path, **given)
    assert getattr(loaded.config, field) == value
    assert_same_weights(loaded, model)
    assert content(tmp_path) == before


def test_overriding_with_a_misspelt_or_impossible_field_is_refused(tmp_path):
    build({}).save_pretrained(tmp_path)
    with pytest.raises(ConfigError, match="layer_dropout"):
        load(tmp_path, layer_dropuot=0.1)
    with pytest.raises(ConfigError, match="rotary_base"):
        load(tmp_path, rotary_base=500.0)


def test_loading_twice_changes_nothing_on_disk(tmp_path):
    build({}).save_pretrained(tmp_path)
    before = content(tmp_path)
    for _ in range(2):
        load(tmp_path)
    assert content(tmp_path) == before
