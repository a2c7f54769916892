"""What the task refuses, and that each refusal is one sentence that names the value and the way out."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from paddle_xformers.errors import CheckpointError, InputError


@pytest.fixture
def broken(folder: Path, tmp_path: Path) -> Path:
    """A copy of the model's folder, to be damaged."""
    return Path(shutil.copytree(folder, tmp_path / "model"))


def taskflow(path: Any, **kwargs: Any) -> Any:
    from paddlenlp import Taskflow

    return Taskflow("text_generation", model="xdecoder", task_path=path, **kwargs)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ("", ["text 0 is empty"]),
        (["ok", ""], ["text 1 is empty"]),
        ([], ["list of texts is empty"]),
        (["ok", 3], ["text 1 is a int", "give a str"]),
        (None, ["NoneType", "give a str"]),
        (b"bytes", ["bytes", "give a str"]),
        ("\ud800", ["surrogate"]),
    ],
)
def test_texts_that_cannot_be_continued(complete: Any, given: Any, words: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        complete(given)
    assert all(word in str(refusal.value) for word in words)


def test_several_arguments_are_not_several_texts(complete: Any) -> None:
    with pytest.raises(InputError, match="got 2 arguments: give one text, or several as one list"):
        complete("a", "b")


def test_a_text_too_long_is_named_with_its_numbers(complete: Any) -> None:
    with pytest.raises(InputError) as refusal:
        complete(["ok", "x" * 45])
    assert "text 1 has 45 tokens and max_new_tokens=8, together 53" in str(refusal.value)
    assert "max_seq_len=48" in str(refusal.value) and "at most 3" in str(refusal.value)
    assert complete("x" * 45, max_new_tokens=3)
    with pytest.raises(InputError, match="max_seq_len=48: shorten the text.$"):
        complete("x" * 60)


@pytest.mark.parametrize(
    ("keywords", "words"),
    [
        ({"temprature": 1.0}, ["'temprature'", "did you mean 'temperature'?"]),
        ({"max_new_token": 3}, ["did you mean 'max_new_tokens'?"]),
        ({"zzz": 1}, ["there are max_new_tokens, "]),
        ({"max_new_tokens": 0}, ["max_new_tokens=0", "at least 1"]),
        ({"max_new_tokens": True}, ["max_new_tokens=True", "whole number"]),
        ({"temperature": 0, "decode_strategy": "sampling"}, ["temperature=0", "above 0"]),
        ({"temperature": float("nan"), "decode_strategy": "sampling"}, ["temperature=nan"]),
        ({"top_p": 1.5, "decode_strategy": "sampling"}, ["top_p=1.5", "at most 1"]),
        ({"decode_strategy": "greedy"}, ["'greedy'", "'greedy_search' or 'sampling' or 'beam_search'"]),
        ({"top_k": 5}, ["top_k=5 has no effect", "give decode_strategy='sampling'"]),
        ({"num_beams": 4}, ["num_beams=4 has no effect", "decode_strategy='beam_search'"]),
        ({"decode_strategy": "beam_search"}, ["num_beams=1", "2 or more"]),
        ({"decode_strategy": "beam_search", "num_beams": 3, "num_beam_groups": 2}, ["multiple of 2"]),
        ({"decode_strategy": "beam_search", "num_beams": 2, "num_return_sequences": 3}, ["at most 2"]),
        ({"min_new_tokens": 9}, ["min_new_tokens=9 is more than max_new_tokens=8"]),
        ({"eos_token_id": []}, ["eos_token_id=[]", "token id"]),
        ({"batch_size": 0}, ["batch_size=0", "at least 1"]),
    ],
)
def test_keywords_that_cannot_be_followed(complete: Any, keywords: dict[str, Any], words: list[str]) -> None:
    with pytest.raises(InputError) as refusal:
        complete("def ", **keywords)
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_keywords_without_effect_that_are_neutral_pass(complete: Any) -> None:
    assert complete("def ", temperature=1.0, num_beams=1, num_return_sequences=1) == complete("def ")


def test_keywords_of_the_constructor_are_checked_too(folder: Path) -> None:
    with pytest.raises(InputError, match="did you mean 'num_beams'"):
        taskflow(str(folder), num_beam=2)
    with pytest.raises(InputError, match="top_k=5 has no effect"):
        taskflow(str(folder), top_k=5)


@pytest.mark.parametrize("path", [None, "", 3])
def test_no_folder_is_named(path: Any) -> None:
    with pytest.raises(InputError, match=r"task_path=.*save_pretrained"):
        taskflow(path)


def test_task_path_is_left_out() -> None:
    from paddlenlp import Taskflow

    with pytest.raises(InputError, match=r"task_path=None"):
        Taskflow("text_generation", model="xdecoder")


def test_a_hub_is_not_asked(folder: Path) -> None:
    with pytest.raises(InputError, match="local folders only"):
        taskflow(str(folder), from_hf_hub=True)


def test_a_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="there is no folder"):
        taskflow(str(tmp_path / "nowhere"))


def test_an_empty_folder(tmp_path: Path) -> None:
    with pytest.raises(CheckpointError, match="no config.json"):
        taskflow(str(tmp_path))


def test_a_folder_of_another_type_of_model(broken: Path) -> None:
    config = json.loads((broken / "config.json").read_text())
    (broken / "config.json").write_text(json.dumps({**config, "model_type": "gpt"}))
    with pytest.raises(CheckpointError, match="type 'gpt', but this task is for 'xdecoder'"):
        taskflow(str(broken))


def test_a_damaged_configuration(broken: Path) -> None:
    (broken / "config.json").write_text("{")
    with pytest.raises(CheckpointError, match="not valid JSON"):
        taskflow(str(broken))


def test_missing_weights(broken: Path) -> None:
    (broken / "model.safetensors").unlink()
    with pytest.raises(CheckpointError, match="no weights"):
        taskflow(str(broken))


def test_damaged_weights(broken: Path) -> None:
    weights = broken / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    with pytest.raises(CheckpointError, match="cannot be read"):
        taskflow(str(broken))


def test_a_missing_tokenizer(broken: Path) -> None:
    (broken / "tokenizer_config.json").unlink()
    with pytest.raises(CheckpointError, match=r"no tokenizer_config.json.*tokenizer.save_pretrained"):
        taskflow(str(broken))


@pytest.mark.parametrize("content", ["{", "[]", '{"tokenizer_class": "NoSuchTokenizer"}'])
def test_a_damaged_tokenizer(broken: Path, content: str) -> None:
    (broken / "tokenizer_config.json").write_text(content)
    with pytest.raises(CheckpointError, match="tokenizer"):
        taskflow(str(broken))
