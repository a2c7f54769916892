from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from paddle_xformers import XByteTokenizer, XDecoderConfig, XDecoderForCausalLM

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
