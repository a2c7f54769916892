"""Saving, loading, copying and AutoTokenizer, for both tokenizers."""

import copy
import json
import os
import pickle
import tempfile

import pytest
from paddlenlp.transformers import AutoTokenizer, PretrainedConfig

from paddle_xformers.errors import CheckpointError, InputError
from paddle_xformers.tokenizers import XByteTokenizer, XTokenizer

TEXT = "  the bim <turn> fox</s> bambam.<eos>你好🌍\n"


class ByteConfig(PretrainedConfig):
    model_type = "tokenizer_test_byte"


class SubwordConfig(PretrainedConfig):
    model_type = "tokenizer_test_subword"


def changed(tokenizer):
    """Change everything that saving must keep."""
    tokenizer.add_tokens(["bim", "bambam"])
    tokenizer.add_special_tokens({"eos_token": "</s>", "additional_special_tokens": ["<turn>"]})
    tokenizer.add_tokens("late")
    tokenizer.padding_side, tokenizer.truncation_side = "left", "left"
    tokenizer.model_max_length, tokenizer.add_bos_token = 42, True
    tokenizer.model_input_names = ["input_ids"]
    return tokenizer


def assert_equal(first, second):
    assert type(first) is type(second)
    assert first.get_vocab() == second.get_vocab() and len(first) == len(second)
    assert first.special_tokens_map == second.special_tokens_map
    assert first.all_special_ids == second.all_special_ids
    assert first.get_added_vocab() == second.get_added_vocab()
    for text in (TEXT, "late bimbambam"):
        assert first.tokenize(text) == second.tokenize(text)
        assert dict(first(text)) == dict(second(text))
        assert second.decode(second(text, add_special_tokens=False)["input_ids"]) == text
    for name in ("padding_side", "truncation_side", "model_max_length", "add_bos_token", "add_eos_token"):
        assert getattr(first, name) == getattr(second, name), name
    question = [{"role": "user", "content": "hi"}]
    assert first.apply_chat_template(question, tokenize=False) == second.apply_chat_template(question, tokenize=False)


def test_saved_and_loaded_twice_is_equal(tokenizer, tmp_path):
    changed(tokenizer).save_pretrained(tmp_path / "one")
    loaded = type(tokenizer).from_pretrained(tmp_path / "one")
    assert_equal(tokenizer, loaded)
    assert "bim" in loaded.tokenize("a bim b") and "bambam" in loaded.tokenize("xbambamx")
    loaded.add_tokens("later")
    loaded.save_pretrained(tmp_path / "two")
    assert_equal(loaded, type(tokenizer).from_pretrained(str(tmp_path / "two")))


def test_unchanged_tokenizer_is_equal_and_the_config_names_its_class(pristine, tmp_path):
    written = pristine.save_pretrained(tmp_path)
    assert sorted(os.path.basename(path) for path in written) == sorted(path.name for path in tmp_path.iterdir())
    assert json.loads((tmp_path / "tokenizer_config.json").read_text())["tokenizer_class"] == type(pristine).__name__
    assert_equal(pristine, type(pristine).from_pretrained(tmp_path))


def test_files_hold_no_path_of_this_machine(tokenizer, tmp_path):
    tokenizer.save_pretrained(tmp_path / "one")
    type(tokenizer).from_pretrained(tmp_path / "one").save_pretrained(tmp_path / "two")
    for path in (tmp_path / "two").glob("*.json"):
        assert str(tmp_path) not in path.read_text() and tempfile.gettempdir() not in path.read_text()
        assert path.read_bytes() == (tmp_path / "one" / path.name).read_bytes()


def test_arguments_replace_what_was_saved(tokenizer, tmp_path):
    changed(tokenizer).save_pretrained(tmp_path)
    loaded = type(tokenizer).from_pretrained(tmp_path, padding_side="right", model_max_length=43, add_bos_token=False)
    assert (loaded.padding_side, loaded.model_max_length, loaded.add_bos_token) == ("right", 43, False)


def test_auto_tokenizer(tokenizer, tmp_path):
    AutoTokenizer.register(ByteConfig, slow_tokenizer_class=XByteTokenizer, exist_ok=True)
    AutoTokenizer.register(SubwordConfig, slow_tokenizer_class=XTokenizer, exist_ok=True)
    changed(tokenizer).save_pretrained(tmp_path)
    assert_equal(tokenizer, AutoTokenizer.from_pretrained(str(tmp_path)))


def test_copies_and_pickles_are_equal(tokenizer):
    changed(tokenizer)
    assert_equal(tokenizer, copy.deepcopy(tokenizer))
    assert_equal(tokenizer, pickle.loads(pickle.dumps(tokenizer)))


def test_saving_again_leaves_other_files_but_none_of_the_old_tokenizer(tokenizer, tmp_path):
    (tmp_path / "model_state.pdparams").write_text("weights")
    old = copy.deepcopy(tokenizer)
    old.add_tokens("old")
    old.init_chat_template({"query": "old {{query}}"})
    old.save_pretrained(tmp_path)
    assert (tmp_path / "chat_template.json").exists() and (tmp_path / "added_tokens.json").exists()
    tokenizer.save_pretrained(tmp_path)
    assert_equal(tokenizer, type(tokenizer).from_pretrained(tmp_path))
    names = {path.name for path in tmp_path.iterdir()} - {"sentencepiece.model"}
    assert names == {"model_state.pdparams", "tokenizer_config.json", "special_tokens_map.json"}


def test_a_failed_write_leaves_the_old_files_whole(tokenizer, tmp_path, monkeypatch):
    tokenizer.save_pretrained(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(CheckpointError, match=r"cannot be saved in .*No space left"):
        changed(tokenizer).save_pretrained(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_file_is_no_folder(pristine, tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(CheckpointError, match="cannot be saved in"):
        pristine.save_pretrained(tmp_path / "file")
    with pytest.raises(CheckpointError, match="is not a folder"):
        type(pristine).from_pretrained(tmp_path / "file")


def test_missing_folders_and_files_are_named(pristine, tmp_path):
    with pytest.raises(CheckpointError, match="nowhere is not a folder: pass the folder of X"):
        type(pristine).from_pretrained(tmp_path / "nowhere")
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(CheckpointError, match=r"has no \S+, which X\w+ needs \(found: config.json\)"):
        type(pristine).from_pretrained(tmp_path)


@pytest.mark.parametrize(("content", "message"), [("{half", "cannot be read as JSON"), ("[1]", "holds a JSON list")])
@pytest.mark.parametrize("name", ["tokenizer_config.json", "special_tokens_map.json", "chat_template.json"])
def test_corrupt_json_is_refused(pristine, tmp_path, name, content, message):
    pristine.save_pretrained(tmp_path)
    (tmp_path / name).write_text(content)
    with pytest.raises(CheckpointError, match=message):
        type(pristine).from_pretrained(tmp_path)


def test_resources_can_be_saved_alone(tokenizer, tmp_path):
    tokenizer.chat_template = {"query": "Q {{query}}"}
    tokenizer.save_resources(tmp_path)
    expected = {"chat_template.json"} | ({"sentencepiece.model"} if isinstance(tokenizer, XTokenizer) else set())
    assert {path.name for path in tmp_path.iterdir()} == expected


def test_a_bad_padding_side_is_refused():
    with pytest.raises(ValueError, match="right"):
        XByteTokenizer(padding_side="middle")
    with pytest.raises(InputError, match="excludes"):
        XByteTokenizer(add_cls_sep_tokens=True, add_bos_token=True)
