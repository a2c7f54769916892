"""Taskflow("text_generation", model="xdecoder"): its answers, keywords, threads, and what it leaves."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paddle
import pytest

from paddle_xformers import XByteTokenizer, XDecoderConfig, XDecoderForCausalLM
from paddle_xformers.serving.tasks import register_tasks
from paddle_xformers.serving.text_generation import TextGenerationTask

TEXTS = ["def ", "import numpy as np\n", "x", "class Größe:", "for i in 中文"]


def taskflow(path: Any, **kwargs: Any) -> Any:
    from paddlenlp import Taskflow

    return Taskflow("text_generation", model="xdecoder", task_path=str(path), **kwargs)


def by_library(library: Any, texts: list[str], **kwargs: Any) -> list[str]:
    batch = library.tokenizer(texts, padding=True, padding_side="left", return_tensors="pd", return_attention_mask=True)
    ids, _ = library.model.generate(batch["input_ids"], attention_mask=batch["attention_mask"], **kwargs)
    return library.tokenizer.batch_decode(ids.tolist(), skip_special_tokens=True)


def answers(results: list[dict[str, str]]) -> list[str]:
    return [result["answer"] for result in results]


def contents(folder: Path) -> dict[str, tuple[bytes, int]]:
    return {path.name: (path.read_bytes(), path.stat().st_mtime_ns) for path in folder.iterdir()}


def test_one_text_gives_one_answer(complete: Any, library: Any) -> None:
    results = complete("def ")
    assert results == [{"text": "def ", "answer": by_library(library, ["def "], max_new_tokens=8)[0]}]
    assert results[0]["answer"]


def test_a_list_is_one_left_padded_batch(complete: Any, library: Any) -> None:
    results = complete(TEXTS)
    assert [result["text"] for result in results] == TEXTS
    assert answers(results) == by_library(library, TEXTS, max_new_tokens=8)
    assert len(set(answers(results))) > 1


@pytest.mark.parametrize("size", [1, 2, 5])
def test_batches_do_not_change_answers(complete: Any, size: int) -> None:
    assert complete(TEXTS, batch_size=size) == complete(TEXTS)


@pytest.mark.parametrize(
    "keywords",
    [
        {"max_new_tokens": 3},
        {"decode_strategy": "sampling", "top_k": 5, "temperature": 0.7},
        {"decode_strategy": "sampling", "top_p": 0.8, "top_k": 0},
        {"decode_strategy": "beam_search", "num_beams": 3, "length_penalty": 0.5},
        {"repetition_penalty": 3.0},
        {"no_repeat_ngram_size": 1},
        {"min_new_tokens": 8, "eos_token_id": 99},
        {"use_cache": False},
    ],
)
def test_keywords_reach_generate(complete: Any, library: Any, keywords: dict[str, Any]) -> None:
    paddle.seed(3)
    results = complete(TEXTS, **keywords)
    paddle.seed(3)
    assert answers(results) == by_library(library, TEXTS, **{"max_new_tokens": 8, **keywords})


def test_keywords_of_the_constructor_are_defaults(folder: Path, library: Any) -> None:
    beams = taskflow(folder, decode_strategy="beam_search", num_beams=2, max_new_tokens=5)
    expected = {"decode_strategy": "beam_search", "num_beams": 2}
    assert answers(beams("def ")) == by_library(library, ["def "], max_new_tokens=5, **expected)
    assert answers(beams("def ", max_new_tokens=2)) == by_library(library, ["def "], max_new_tokens=2, **expected)


def test_several_answers_a_text_follow_each_other(complete: Any) -> None:
    results = complete(["ab", "cd"], decode_strategy="sampling", num_return_sequences=3)
    assert [result["text"] for result in results] == ["ab"] * 3 + ["cd"] * 3


def test_lengths_of_the_folder_hold_when_none_is_given(folder: Path, library: Any, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    library.model.generation_config.__class__(max_new_tokens=5, pad_token_id=0).save_pretrained(tmp_path / "model")
    told = taskflow(tmp_path / "model")
    assert answers(told("def ")) == by_library(library, ["def "], max_new_tokens=5)
    assert answers(told("def ", max_new_tokens=20)) == by_library(library, ["def "], max_new_tokens=20)


def test_the_default_model_and_the_tilde(folder: Path, complete: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from paddlenlp import Taskflow

    monkeypatch.setenv("HOME", str(folder.parent))
    found = Taskflow("text_generation", task_path="~/model", max_new_tokens=8)
    assert found.task_path() == str(folder)
    assert found("def ") == complete("def ")


def test_the_folder_is_only_read(folder: Path) -> None:
    before = contents(folder)
    taskflow(folder)(TEXTS, max_new_tokens=2)
    assert contents(folder) == before


def test_no_statistics_thread_is_started(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import paddlenlp.taskflow.utils as utils

    started: list[str] = []
    monkeypatch.setattr(utils, "DOWNLOAD_CHECK", False)
    monkeypatch.setattr(utils.DownloaderCheck, "start", lambda self: started.append("checker"))
    monkeypatch.setattr(utils.DownloaderCheck, "join", lambda self: None)
    taskflow(folder)
    assert not started


def test_threads_get_the_answers_of_sequential_calls(complete: Any) -> None:
    requests = [(text + str(number), {"max_new_tokens": 3 + number % 4}) for number in range(4) for text in TEXTS[:4]]
    expected = [complete(text, **keywords) for text, keywords in requests]
    with ThreadPoolExecutor(16) as threads:
        found = list(threads.map(lambda request: complete(request[0], **request[1]), requests * 2))
    assert found == expected * 2


def test_two_tasks_may_be_used_and_made_in_threads(folder: Path, complete: Any) -> None:
    expected = complete("def ")
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda _: taskflow(folder, max_new_tokens=8), range(3)))
        found = list(threads.map(lambda number: made[number % 3]("def "), range(9)))
    assert found == [expected] * 9


def test_static_mode_of_the_caller_is_kept(complete: Any) -> None:
    expected = complete("def ")
    paddle.enable_static()
    try:
        assert complete("def ") == expected
        assert not paddle.in_dynamic_mode()
    finally:
        paddle.disable_static()


def test_the_device_is_kept_for_later_calls(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = taskflow(folder, device_id=-1)
    assert paddle.get_device() == "cpu"
    devices: list[str] = []
    monkeypatch.setattr(paddle, "get_device", lambda: "elsewhere:1")
    monkeypatch.setattr(paddle, "set_device", devices.append)
    chosen("def ")
    assert devices == ["cpu", "elsewhere:1"]


def test_half_precision_weights_are_served_on_a_cpu(library: Any, tmp_path: Path, complete: Any) -> None:
    half = XDecoderForCausalLM(XDecoderConfig(**library.model.config.values(), pad_token_id=0, eos_token_id=2))
    half.set_state_dict(library.model.state_dict())
    half.to(dtype="float16")
    half.config.dtype = "float16"
    half.save_pretrained(tmp_path)
    XByteTokenizer().save_pretrained(tmp_path)
    assert taskflow(tmp_path)("def ", max_new_tokens=1)[0]["text"] == "def "


def test_registration_twice_changes_nothing() -> None:
    from paddlenlp.taskflow.taskflow import TASKS

    register_tasks()
    before = TASKS["text_generation"]["models"]["xdecoder"]
    register_tasks()
    assert TASKS["text_generation"]["models"]["xdecoder"] is before
    assert before["task_class"] is TextGenerationTask
    assert TASKS["text_generation"]["default"] == {"model": "xdecoder"}


def test_help_shows_how(complete: Any, capsys: pytest.CaptureFixture[str]) -> None:
    complete.help()
    assert 'Taskflow("text_generation"' in capsys.readouterr().out


def test_a_read_only_folder_is_served(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path / "model")
    os.chmod(tmp_path / "model", 0o555)
    try:
        assert taskflow(tmp_path / "model")("def ", max_new_tokens=1)
    finally:
        os.chmod(tmp_path / "model", 0o755)
