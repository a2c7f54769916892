"""Folders that hold no good checkpoint are refused by one helpful sentence, without asking the network."""

from __future__ import annotations

import json
import socket
import struct
from pathlib import Path

import pytest

from paddle_xformers import CheckpointError, ConfigError, XDecoderConfig, XDecoderForCausalLM, XDecoderModel

from ..contracts.cases import build
from .small import assert_same_weights, load


@pytest.fixture(autouse=True)
def no_name_lookups(monkeypatch):
    """Asking for the address of a host is a network attempt too, though it fails before any connection."""
    asked = []

    def refuse(host, *args, **kwargs):
        asked.append(host)
        raise OSError("tests look no names up")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    yield
    assert not asked


@pytest.fixture
def saved(tmp_path):
    build({}).save_pretrained(tmp_path / "model")
    return tmp_path / "model"


def refused(folder: Path | str, model_class: type = XDecoderForCausalLM, **kwargs) -> str:
    with pytest.raises((CheckpointError, ConfigError)) as caught:
        model_class.from_pretrained(folder, **kwargs)
    sentence = str(caught.value)
    assert 30 < len(sentence) < 700
    return sentence


@pytest.mark.parametrize("model_class", [XDecoderForCausalLM, XDecoderModel, XDecoderConfig])
@pytest.mark.parametrize("kind", [str, Path])
def test_missing_folder(tmp_path, model_class, kind):
    sentence = refused(kind(tmp_path / "nothing here"), model_class)
    assert "nothing here" in sentence and "folder" in sentence and "save_pretrained" in sentence


def test_a_name_as_on_a_hub_is_not_looked_for(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    sentence = refused("someone/a-model")
    assert "someone/a-model" in sentence and "from_hf_hub=True" in sentence


def test_empty_name():
    assert "folder" in refused("")


def test_a_file_in_place_of_the_folder(saved):
    sentence = refused(saved / "model.safetensors")
    assert "model.safetensors" in sentence and "folder" in sentence


def test_a_file_where_the_folder_shall_be_made(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(CheckpointError, match="taken.*it is a file; give a folder"):
        build({}).save_pretrained(tmp_path / "taken")
    with pytest.raises(CheckpointError, match="taken.*give a writable folder"):
        build({}).save_pretrained(tmp_path / "taken" / "below")
    assert (tmp_path / "taken").read_text() == "mine"


def test_no_config(saved):
    (saved / "config.json").unlink()
    sentence = refused(saved)
    assert "has no config.json" in sentence and "model.safetensors" in sentence


def test_empty_folder(tmp_path):
    assert "holds: nothing" in refused(tmp_path)


@pytest.mark.parametrize("model_class", [XDecoderForCausalLM, XDecoderConfig])
@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b'{"dim": 32', b"[1, 2]", b"null", b'"text"', b"\xff\xfe\x00", b'{"dim": 32}}'],
    ids=["empty", "brace", "cut off", "list", "null", "text", "no utf-8", "too long"],
)
def test_broken_config(saved, damage, model_class):
    (saved / "config.json").write_bytes(damage)
    sentence = refused(saved, model_class)
    assert "config.json" in sentence and "save the model again" in sentence


@pytest.mark.parametrize("value", [0, "four", -3, 2.5])
def test_config_with_an_impossible_value(saved, value):
    fields = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**fields, "heads": value}))
    assert f"heads={value!r}" in refused(saved)


def test_other_family(saved):
    fields = json.loads((saved / "config.json").read_text())
    (saved / "config.json").write_text(json.dumps({**fields, "model_type": "llama"}))
    sentence = refused(saved)
    assert "llama" in sentence and "xdecoder" in sentence


def test_llama_checkpoint(tmp_path):
    from paddlenlp.transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    LlamaForCausalLM(config).save_pretrained(str(tmp_path))
    sentence = refused(tmp_path)
    assert "llama" in sentence and "xdecoder" in sentence


def header_length(data: bytes) -> int:
    return 8 + struct.unpack("<Q", data[:8])[0]


SAFETENSORS_CUTS = {
    "empty": lambda data: 0,
    "within the length": lambda data: 4,
    "after the length": lambda data: 8,
    "within the header": lambda data: header_length(data) // 2,
    "after the header": header_length,
    "within the first tensor": lambda data: header_length(data) + 3,
    "half": lambda data: len(data) // 2,
    "one byte short": lambda data: len(data) - 1,
}


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("cut", SAFETENSORS_CUTS.values(), ids=SAFETENSORS_CUTS)
def test_safetensors_cut_off(saved, cut, low_memory):
    file = saved / "model.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[: cut(data)])
    sentence = refused(saved, low_cpu_mem_usage=low_memory)
    assert str(saved) in sentence and "model.safetensors" in sentence and "damaged" in sentence


@pytest.mark.parametrize(
    "damage",
    [lambda data: b"\xff" * 8 + data[8:], lambda data: b"\x00" * len(data), lambda data: data[:8] + b"#" + data[9:]],
    ids=["length", "zeros", "header"],
)
def test_safetensors_overwritten(saved, damage):
    file = saved / "model.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    assert "model.safetensors" in refused(saved)


@pytest.mark.parametrize("cut", [0, 1, 10, 100, 0.5, -1], ids=str)
def test_pdparams_cut_off(tmp_path, cut):
    build({}).save_pretrained(tmp_path, safe_serialization=False)
    file = tmp_path / "model_state.pdparams"
    data = file.read_bytes()
    file.write_bytes(data[: int(len(data) * cut) if isinstance(cut, float) else cut])
    sentence = refused(tmp_path)
    assert "model_state.pdparams" in sentence and "damaged" in sentence


def test_pdparams_that_is_something_else(tmp_path):
    build({}).save_pretrained(tmp_path, safe_serialization=False)
    (tmp_path / "model_state.pdparams").write_text("<html>404</html>")
    assert "model_state.pdparams" in refused(tmp_path)


def test_no_weights(saved):
    (saved / "model.safetensors").unlink()
    sentence = refused(saved)
    assert "holds no weights" in sentence and "model.safetensors" in sentence


def test_weights_of_another_model(saved, tmp_path):
    from safetensors.numpy import save_file

    (saved / "model.safetensors").unlink()
    save_file({}, str(saved / "model.safetensors"), metadata={"format": "np"})
    assert "model.safetensors" in refused(saved)


@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "pdparams"])
@pytest.mark.parametrize("damage", ["shard missing", "shard cut off", "index cut off", "index empty"])
def test_sharded_checkpoint_with_damage(tmp_path, safe, damage):
    build({}).save_pretrained(tmp_path, max_shard_size="70KB", safe_serialization=safe)
    shard, *_ = sorted(tmp_path.glob("model*-00002-of-*"))
    index, *_ = tmp_path.glob("*.index.json")
    hurt = shard if damage.startswith("shard") else index
    if damage.endswith("missing"):
        hurt.unlink()
    elif damage.endswith("cut off"):
        hurt.write_bytes(hurt.read_bytes()[:-40])
    else:
        hurt.write_text("{}")
    assert hurt.name in refused(tmp_path)


def test_damaged_generation_config(saved):
    """PaddleNLP passes over it in silence, and generate() would use other defaults than those saved."""
    (saved / "generation_config.json").write_text('{"max_new_tokens": 5')
    assert "generation_config.json" in refused(saved)


def test_a_good_folder_still_loads_after_a_refusal(saved, tmp_path):
    refused(tmp_path / "none")
    assert_same_weights(load(saved), build({}))
