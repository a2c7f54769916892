"""What a run is trained on: the socket of the tasks, and the text that most of them read."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.effects.plan import Plan
from model_zoo.quickstart import data
from paddle_xformers import XByteTokenizer, XDecoderConfig, XDecoderForCausalLM

State = Any


class Task:
    """A training run that several variants share; batches and their order are the same for all of them.

    Attributes:
        unit: What `score` measures; lower is better.
        about: What is trained and measured, in one sentence.
    """

    unit = "bits per byte"
    about = ""

    def build(self, fields: dict[str, Any]) -> Any:
        """Return a model with fresh weights."""
        raise NotImplementedError

    def loss(self, model: Any, step: int, state: State) -> tuple[Any, State]:
        """Return the loss of a step, and what the next step needs of this one (None before the first)."""
        raise NotImplementedError

    def score(self, model: Any) -> float:
        """Measure a trained model on what it has not seen."""
        raise NotImplementedError


class Texts:
    """The text of all tasks that read text: Python's standard library, as the quickstart divides it.

    Args:
        plan: Sizes.
        limit: Bytes to read.
    """

    def __init__(self, plan: Plan, limit: int) -> None:
        self.tokenizer = XByteTokenizer()
        corpus = data.load(None, plan.window, limit)
        self.source, self.digest = corpus.source, corpus.digest
        self.train = data.as_stream(corpus.train, self.tokenizer)
        self.held_out_texts = data.first_bytes(corpus.held_out, plan.held_out_bytes)
        self.held_out = data.as_stream(self.held_out_texts, self.tokenizer)

    def decoder(self, plan: Plan, fields: dict[str, Any], length: int) -> Any:
        """Return a byte-level decoder for texts of a length."""
        config = {"num_tokens": len(self.tokenizer), "max_seq_len": length, **plan.sizes}
        config |= {"rotary_pos_emb": plan.rotary, **fields}
        return XDecoderForCausalLM(XDecoderConfig(**config, eos_token_id=self.tokenizer.eos_token_id))


def chosen_rows(count: int, batch: int, step: int) -> np.ndarray:
    """Return the rows of a step: all are seen once, in an order that is the same for every run."""
    order = np.random.default_rng(0).permutation(count)
    return order[np.arange(step * batch, (step + 1) * batch) % count]
