"""Quiet imports, the stand-in for a removed name, and the mended bugs of PaddleNLP."""

from __future__ import annotations

import importlib
import importlib.util
import subprocess
import sys
import threading
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest

from paddle_xformers import _compat
from paddle_xformers.errors import DependencyError

ROOT = Path(_compat.__file__).parent.parent


@pytest.fixture
def forgotten(monkeypatch):
    """Let the module forget what it has loaded, for one test."""
    monkeypatch.setattr(_compat, "_loaded", {})


def test_import_is_silent_offline_and_leaves_warning_filters_alone():
    code = """
import socket, warnings
def refuse(*args): raise SystemExit("network used")
socket.socket.connect = refuse
before = list(warnings.filters)
from paddle_xformers._compat import import_paddle, import_paddlenlp
print(import_paddle().__name__, import_paddlenlp().__name__)
assert all(entry in warnings.filters for entry in before)
assert not any("ccache" in str(entry[1]) or "distutils" in str(entry[1]) for entry in warnings.filters)
"""
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=False)
    assert (result.stdout, result.stderr) == ("paddle paddlenlp\n", "")


def test_import_returns_the_same_module_in_every_thread():
    found = []
    threads = [threading.Thread(target=lambda: found.append(_compat.import_paddlenlp())) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [sys.modules["paddlenlp"]] * 4


def test_missing_paddle_says_how_to_install_it(monkeypatch, forgotten):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DependencyError, match=r"paddle is not installed: pip install 'paddle-xformers\[cpu\]'"):
        _compat.import_paddlenlp()


def test_failing_import_names_version_and_cause(monkeypatch, forgotten):
    def broken(name):
        raise AttributeError("no float8")

    monkeypatch.setattr(importlib, "import_module", broken)
    with pytest.raises(DependencyError, match=r"paddle 3\.\S+ is installed .* AttributeError: no float8\. pip install"):
        _compat.import_paddle()


@pytest.mark.parametrize("version", ["3.0.0", "3.1.1", "3.2.2", "3.3.1", "3.3.0rc1"])
def test_tested_versions_of_paddle_pass(version):
    assert _compat._check_paddle(SimpleNamespace(__version__=version)) is None


@pytest.mark.parametrize("version", ["2.6.2", "3.4.0", "3.10.0", "0.0.0", "4.0.0", "unknown"])
def test_other_versions_of_paddle_are_named(version):
    assert f"paddle {version} is outside the tested range >=3.0,<3.4" in _compat._check_paddle(
        SimpleNamespace(__version__=version)
    )


def test_version_outside_the_range_warns_once(monkeypatch, forgotten):
    monkeypatch.setattr(_compat, "SUPPORTED_PADDLE", ((1, 0), (2, 0)))
    with pytest.warns(RuntimeWarning, match=r"outside the tested range >=1.0,<2.0"):
        _compat.import_paddle()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        _compat.import_paddle()


def test_other_version_of_paddlenlp_is_named():
    assert "paddlenlp 2.8.1 is not the tested version 3.0.0b4" in _compat._check_paddlenlp(
        SimpleNamespace(__version__="2.8.1")
    )
    assert _compat._check_paddlenlp(SimpleNamespace(__version__="3.0.0b4.post20250101")) is None


def test_stand_in_for_removed_download_refuses_with_the_way_out(monkeypatch):
    hub = importlib.import_module("aistudio_sdk.hub")
    monkeypatch.delattr(hub, "download", raising=False)
    _compat.stand_in_for_aistudio_download()
    with pytest.raises(DependencyError, match=r"install 'aistudio-sdk<0\.3'"):
        hub.download(repo_id="someone/something")


def test_stand_in_leaves_an_existing_download_alone(monkeypatch):
    hub = importlib.import_module("aistudio_sdk.hub")
    own = object()
    monkeypatch.setattr(hub, "download", own, raising=False)
    _compat.stand_in_for_aistudio_download()
    assert hub.download is own


def test_logits_processor_list_can_be_iterated_and_extended():
    _compat.import_paddlenlp()
    from paddlenlp.generation import LogitsProcessorList

    first, second = SimpleNamespace(name="first"), SimpleNamespace(name="second")
    processors = LogitsProcessorList([first])
    processors.extend(LogitsProcessorList([second]))
    assert list(processors) == [first, second]


@pytest.mark.filterwarnings("ignore:(?s).*swiglu:UserWarning")  # PaddleNLP's Llama calls an old name of it
def test_generate_accepts_own_logits_processors():
    paddle = _compat.import_paddle()
    model = tiny_llama_class()(tiny_llama_config())
    model.eval()
    from paddlenlp.generation import LogitsProcessorList

    class Only7:
        def __call__(self, input_ids, logits):
            return logits + 1e4 * paddle.nn.functional.one_hot(paddle.to_tensor([7]), logits.shape[-1])

    ids = paddle.to_tensor([[5, 6]])
    tokens, _ = model.generate(
        ids,
        attention_mask=paddle.ones_like(ids),
        max_new_tokens=3,
        decode_strategy="greedy_search",
        logits_processors=LogitsProcessorList([Only7()]),
    )
    assert tokens.tolist() == [[7, 7, 7]]


def test_auto_model_forgets_its_task(tmp_path):
    _compat.import_paddlenlp()
    from paddlenlp.transformers import AutoModel, LlamaForCausalLM, LlamaModel

    tiny_llama_class()(tiny_llama_config()).save_pretrained(str(tmp_path))
    assert type(AutoModel.from_pretrained(str(tmp_path), task="ForCausalLM")) is LlamaForCausalLM
    assert type(AutoModel.from_pretrained(str(tmp_path))) is LlamaModel


def tiny_llama_class():
    _compat.import_paddlenlp()
    from paddlenlp.transformers import LlamaForCausalLM

    return LlamaForCausalLM


def tiny_llama_config():
    _compat.import_paddlenlp()
    from paddlenlp.transformers import LlamaConfig

    return LlamaConfig(
        vocab_size=16,
        hidden_size=8,
        intermediate_size=8,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=16,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )


def test_taskflow_takes_model_for_mode(monkeypatch):
    from paddlenlp.taskflow import taskflow

    from paddle_xformers.serving import register_tasks

    register_tasks()
    made = []

    class Recorded:
        def __init__(self, model, task, **kwargs):
            made.append((task, model))

    for name in ("xencoder", "finetune", "prompt"):
        monkeypatch.setitem(taskflow.TASKS["text_classification"]["modes"], name, {"task_class": Recorded})
    for given in ({"model": "xencoder"}, {"mode": "xencoder"}, {"model": "prompt"}, {"model": "bert"}, {}):
        taskflow.Taskflow("text_classification", **given)
    taskflow.Taskflow("text_classification", model="xencoder", mode="prompt")  # what is explicit holds
    assert [model for _, model in made] == ["xencoder", "xencoder", "prompt", "finetune", "finetune", "prompt"]
    mended = taskflow.Taskflow.__init__
    _compat.let_model_choose_a_mode()
    assert taskflow.Taskflow.__init__ is mended
