"""What the runs are trained on: a task builds a model, gives the loss of a step, and measures what was learned."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.effects.plan import Plan
from model_zoo.quickstart import data, evaluation
from paddle_xformers import XByteTokenizer, XDecoderConfig, XDecoderForCausalLM
from paddle_xformers._compat import import_paddle

paddle = import_paddle()

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
        config = {"num_tokens": len(self.tokenizer), "max_seq_len": length, **plan.sizes, **fields}
        return XDecoderForCausalLM(XDecoderConfig(**config, eos_token_id=self.tokenizer.eos_token_id))


def chosen_rows(count: int, batch: int, step: int) -> np.ndarray:
    """Return the rows of a step: all are seen once, in an order that is the same for every run."""
    order = np.random.default_rng(0).permutation(count)
    return order[np.arange(step * batch, (step + 1) * batch) % count]


class Text(Task):
    """The next byte of a window.

    Args:
        plan: Sizes.
        texts: The text.
    """

    about = "the next byte of a text, in windows that each stand alone"

    def __init__(self, plan: Plan, texts: Texts) -> None:
        self.plan, self.texts = plan, texts
        self.windows = data.Windows(texts.train, plan.window)

    def build(self, fields: dict[str, Any]) -> Any:
        """Return a byte-level decoder."""
        return self.texts.decoder(self.plan, fields, self.plan.window)

    def loss(self, model: Any, step: int, state: State) -> tuple[Any, State]:
        """Return the mean loss of a batch of windows."""
        rows = chosen_rows(len(self.windows), self.plan.batch, step)
        ids = paddle.to_tensor(np.stack([self.windows[row]["input_ids"] for row in rows]))  # (b, n)
        return model(input_ids=ids, labels=ids, return_dict=True).loss, None

    def score(self, model: Any) -> float:
        """Return bits per held-out byte; each is predicted once, from half a window at least."""
        content = sum(len(text.content) for text in self.texts.held_out_texts)
        return evaluation.model_bits(model, self.texts.held_out, self.plan.window) / content


class Segments(Task):
    """The next byte of a text that is read segment by segment; with mems a model remembers those before.

    Args:
        plan: Sizes.
        texts: The text.
    """

    about = "the next byte of long texts that are read in short segments, one after the other"

    def __init__(self, plan: Plan, texts: Texts) -> None:
        self.plan, self.texts = plan, texts
        self.lanes = plan.batch * plan.window // plan.segment

    def build(self, fields: dict[str, Any]) -> Any:
        """Return a byte-level decoder."""
        return self.texts.decoder(self.plan, fields, self.plan.segment)

    def loss(self, model: Any, step: int, state: State) -> tuple[Any, State]:
        """Return the mean loss of the next segment of every lane, and the mems it leaves."""
        ids, targets = self._segment(self.texts.train, step)
        losses, mems = self._losses(model, ids, targets, state)
        return losses.mean(), mems

    def score(self, model: Any) -> float:
        """Return bits per held-out byte, read as in training."""
        segments = (len(self.texts.held_out) - 1) // self.lanes // self.plan.segment
        nats, mems = 0.0, None
        with paddle.no_grad():
            for index in range(segments):
                losses, mems = self._losses(model, *self._segment(self.texts.held_out, index), mems)
                nats += float(losses.mean())
        return nats / segments / math.log(2)

    def _segment(self, stream: np.ndarray, index: int) -> tuple[np.ndarray, np.ndarray]:
        """Return inputs and targets, (lanes, segment) each, from a text cut into as many lanes."""
        length, n = (len(stream) - 1) // self.lanes, self.plan.segment
        starts = np.arange(self.lanes) * length + index % (length // n) * n
        places = starts[:, None] + np.arange(n)  # (lanes, n)
        return stream[places], stream[places + 1]

    def _losses(self, model: Any, ids: np.ndarray, targets: np.ndarray, mems: State) -> tuple[Any, State]:
        remembers = model.config.max_mem_len > 0
        output = model(input_ids=paddle.to_tensor(ids), mems=mems, return_mems=remembers, return_dict=True)
        losses = paddle.nn.functional.cross_entropy(
            output.logits.reshape([-1, output.logits.shape[-1]]),
            paddle.to_tensor(targets.reshape(-1)),
            reduction="none",
        )
        return losses, output.mems


def make_tasks(plan: Plan, texts: Texts) -> dict[str, Task]:
    """Return every task by name."""
    return {"text": Text(plan, texts), "segments": Segments(plan, texts)}
