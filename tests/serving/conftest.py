from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paddle_xformers import XByteTokenizer, XDecoderConfig, XDecoderForCausalLM

from .served import Served

LONGEST = 48


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny random model with a tokenizer, as save_pretrained writes them."""
    from paddle_xformers._compat import import_paddle

    import_paddle().seed(7)
    config = XDecoderConfig(
        num_tokens=264,
        dim=32,
        depth=2,
        heads=2,
        attn_dim_head=16,
        max_seq_len=LONGEST,
        rotary_pos_emb=True,
        initializer_range=0.3,  # answers that differ from text to text
        pad_token_id=0,
        eos_token_id=2,
    )
    path = tmp_path_factory.mktemp("served") / "model"
    XDecoderForCausalLM(config).save_pretrained(path)
    XByteTokenizer().save_pretrained(path)
    return path


@pytest.fixture(scope="session")
def library(folder: Path) -> SimpleNamespace:
    """The same model and tokenizer, used without Taskflow."""
    model = XDecoderForCausalLM.from_pretrained(folder)
    model.eval()
    return SimpleNamespace(model=model, tokenizer=XByteTokenizer.from_pretrained(folder))


@pytest.fixture(scope="session")
def complete(folder: Path) -> Any:
    """The Taskflow under test."""
    from paddlenlp import Taskflow

    return Taskflow("text_generation", model="xdecoder", task_path=str(folder), max_new_tokens=8)


@pytest.fixture(scope="session")
def folder_of(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Served], Path]:
    """The folder of a task, written when it is first asked for."""
    folders: dict[str, Path] = {}

    def find(case: Served) -> Path:
        if case.name not in folders:
            folders[case.name] = case.save(tmp_path_factory.mktemp("tasks") / case.name)
        return folders[case.name]

    return find


@pytest.fixture(scope="session")
def made(folder_of: Callable[[Served], Path]) -> Callable[[Served], Any]:
    """The Taskflow of a task, made when it is first asked for."""
    tasks: dict[str, Any] = {}

    def find(case: Served) -> Any:
        if case.name not in tasks:
            tasks[case.name] = case.taskflow(folder_of(case))
        return tasks[case.name]

    return find
