"""Completing a prompt: with generate() of a reloaded model, and with Taskflow."""

from __future__ import annotations

from pathlib import Path

import paddle

from paddle_xformers import register
from paddle_xformers._compat import import_paddlenlp

import_paddlenlp()
from paddlenlp import Taskflow  # noqa: E402
from paddlenlp.transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

SAMPLING = {"decode_strategy": "sampling", "temperature": 0.7, "top_p": 0.9, "top_k": 0}


def complete(folder: Path, prompt: str, new_tokens: int, seed: int) -> tuple[str, str]:
    """Continue a prompt in two ways, which give the same text.

    Args:
        folder: A saved model and its tokenizer.
        prompt: The text to continue.
        new_tokens: Length of the continuation.
        seed: Of the random choices.

    Returns:
        The continuations by generate() and by Taskflow.
    """
    register()  # tells PaddleNLP's Auto classes and Taskflow of our models
    model, tokenizer = AutoModelForCausalLM.from_pretrained(str(folder)), AutoTokenizer.from_pretrained(str(folder))
    model.eval()
    room = model.config.max_seq_len - len(tokenizer(prompt)["input_ids"])
    settings = {**SAMPLING, "max_new_tokens": max(1, min(new_tokens, room))}

    paddle.seed(seed)
    ids, _ = model.generate(**tokenizer([prompt], return_tensors="pd"), **settings)
    by_generate = tokenizer.decode(ids[0].tolist(), skip_special_tokens=True)

    served = Taskflow("text_generation", model="xdecoder", task_path=str(folder))
    paddle.seed(seed)
    return by_generate, served(prompt, **settings)[0]["answer"]
