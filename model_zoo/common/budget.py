"""How long a training lasts: a number of steps, or of seconds over all its sessions."""

from __future__ import annotations

import math
import time
from typing import Any, Protocol

WARMUP = 0.03  # share of the budget


class Schedule(Protocol):
    """What a training needs to know about its length and pace."""

    @property
    def batch(self) -> int:
        """Rows a step."""

    @property
    def learning_rate(self) -> float:
        """Its highest value."""

    @property
    def seconds(self) -> float | None:
        """Time for training; None means `steps` decide."""

    @property
    def steps(self) -> int | None:
        """Number of steps; None means `seconds` decide."""


class Budget:
    """How much of the run is done, over all sessions.

    Args:
        plan: Says how many seconds, or how many steps, a run has.
    """

    def __init__(self, plan: Schedule) -> None:
        self.plan: Any = plan
        self.before = 0.0  # seconds of earlier sessions
        self.started: float | None = None
        self.step = 0

    def start(self) -> None:
        """Begin to count the seconds of this session."""
        self.started = time.monotonic()

    def stop(self) -> None:
        """Count no longer."""
        self.before, self.started = self.seconds, None

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self.before + (0.0 if self.started is None else time.monotonic() - self.started)

    @property
    def share(self) -> float:
        """Done part of the run, from 0 to 1."""
        if self.plan.steps is not None:
            return min(1.0, self.step / self.plan.steps)
        return min(1.0, self.seconds / self.plan.seconds)

    def rate(self, _step: int) -> float:
        """Factor on the learning rate: up in a line, then down along half a cosine, whatever the machine's speed."""
        share = self.share
        if share < WARMUP:
            return max(share, 1e-3) / WARMUP
        return 0.5 + 0.5 * math.cos(math.pi * (share - WARMUP) / (1 - WARMUP))
