"""Tasks that read text with a decoder: windows that stand alone, and segments one after the other."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from bench.effects.plan import Plan
from bench.effects.tasks.base import State, Task, Texts, chosen_rows
from model_zoo.quickstart import data, evaluation
from paddle_xformers._compat import import_paddle

paddle = import_paddle()


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
