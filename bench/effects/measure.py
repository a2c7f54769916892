"""One run: train a fresh model, score it; and the time of its training step beside another's."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from statistics import median
from typing import Any

import numpy as np

from bench.effects.plan import Plan
from bench.effects.tasks.base import Task
from paddle_xformers._compat import import_paddle

paddle = import_paddle()

WARMUP = 0.1  # share of the steps in which the learning rate rises
UNTIMED = 3  # steps before the timed ones: buffers are made then

Tick = Callable[[], object]


class Learner:
    """A model of a task with its optimizer.

    Args:
        task: What it learns.
        fields: What its model sets.
        plan: Sizes.
        seed: Of the initial weights and of dropout.
    """

    def __init__(self, task: Task, fields: dict[str, Any], plan: Plan, seed: int) -> None:
        random.seed(seed)
        np.random.seed(seed)
        paddle.seed(seed)
        self.task, self.plan = task, plan
        self.done, self.state = 0, None
        with paddle.utils.unique_name.guard():
            self.model = task.build(fields)
            self.rate = paddle.optimizer.lr.LambdaDecay(plan.learning_rate, self._rate)
            self.optimizer = paddle.optimizer.AdamW(
                self.rate,
                beta2=0.95,
                weight_decay=0.0,
                grad_clip=paddle.nn.ClipGradByGlobalNorm(1.0),
                parameters=self.model.parameters(),
            )
        self.model.train()

    @property
    def parameters(self) -> int:
        """Number of weights."""
        return sum(int(parameter.size) for parameter in self.model.parameters())

    def step(self) -> None:
        """Take one training step."""
        loss, self.state = self.task.loss(self.model, self.done, self.state)
        loss.backward()
        self.optimizer.step()
        self.optimizer.clear_grad()
        self.rate.step()
        self.done += 1

    def _rate(self, step: int) -> float:
        """Factor on the learning rate: up in a line, then down in a line."""
        steps = max(self.plan.steps, 1)
        rise = max(WARMUP * steps, 1.0)
        return min((step + 1) / rise, max((steps - step) / max(steps - rise, 1.0), 0.0))


def train(task: Task, fields: dict[str, Any], plan: Plan, seed: int, tick: Tick) -> tuple[float | None, int]:
    """Train a model and score it.

    Args:
        task: What it learns.
        fields: What its model sets.
        plan: Sizes.
        seed: Of its initial weights.
        tick: Called after each step.

    Returns:
        The score, None where it is not finite; and the number of weights.
    """
    learner = Learner(task, fields, plan, seed)
    for _ in range(plan.steps):
        learner.step()
        tick()
    learner.model.eval()
    score = task.score(learner.model)
    return (score if math.isfinite(score) else None), learner.parameters


def time_ratio(
    tasks: tuple[Task, Task], fields: tuple[dict[str, Any], dict[str, Any]], plan: Plan, tick: Tick
) -> float:
    """Compare the training steps of two models, in turn, so that a busy machine slows both alike.

    Args:
        tasks: What each learns.
        fields: What each sets.
        plan: Sizes.
        tick: Called after each pair.

    Returns:
        Median over the pairs of the first's time by the other's.
    """
    learners = [Learner(task, chosen, plan, plan.seeds[0]) for task, chosen in zip(tasks, fields, strict=True)]
    for learner in learners:
        for _ in range(UNTIMED):
            learner.step()
    ratios = []
    for pair in range(plan.pairs):
        seconds = [0.0, 0.0]
        for which in (0, 1) if pair % 2 else (1, 0):  # neither always comes second
            began = time.perf_counter()
            learners[which].step()
            seconds[which] = time.perf_counter() - began
        ratios.append(seconds[0] / seconds[1])
        tick()
    return median(ratios)
