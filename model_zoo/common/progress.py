"""What happens at each step: the end of the budget, checkpoints, the loss curve, a bar on a terminal."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tqdm import tqdm

from model_zoo.common.budget import Budget
from model_zoo.common.files import write_whole
from paddle_xformers._compat import import_paddlenlp

import_paddlenlp()
from paddlenlp.trainer import TrainerCallback  # noqa: E402

CHECKPOINTS = 12  # in one run
PROGRESS_FILE = "progress.json"
BAR = "training {percentage:3.0f}%|{bar:30}| {elapsed}{postfix}"


class Progress(TrainerCallback):
    """Ends training with the budget, saves now and then, keeps the losses, and shows a bar on a terminal.

    Args:
        budget: How much is done.
        history: The curve so far, [step, seconds, loss] each; it grows.
        describe: Says in words where a loss after so many steps and seconds stands.
    """

    def __init__(
        self, budget: Budget, history: list[list[float]], describe: Callable[[float, int, float], str]
    ) -> None:
        self.budget = budget
        self.history = history
        self.describe = describe
        self.saved_at = 0.0
        self.interrupted = False
        self.bar: Any = None
        self._handlers: dict[int, Any] = {}

    def on_train_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.budget.start()
        self.saved_at = self.budget.share
        self.bar = tqdm(total=100, unit="%", disable=not sys.stderr.isatty(), bar_format=BAR, leave=False)
        for number in (signal.SIGINT, signal.SIGTERM):
            self._handlers[number] = signal.signal(number, self._stop)

    def _stop(self, number: int, frame: Any) -> None:
        self.interrupted = True
        signal.signal(number, self._handlers[number])  # a second time it ends at once

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self.budget.step = state.global_step
        share = self.budget.share
        self.bar.n = round(100 * share, 1)
        self.bar.refresh()
        if share >= 1 or self.interrupted:
            control.should_training_stop = True
        if share < 1 and (self.interrupted or share >= self.saved_at + 1 / CHECKPOINTS):
            control.should_save, self.saved_at = True, share

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if not logs or "loss" not in logs:
            return
        self.history.append([state.global_step, round(self.budget.seconds, 2), round(logs["loss"], 6)])
        self.bar.set_postfix_str(self.describe(logs["loss"], state.global_step, self.budget.seconds), refresh=False)

    def on_save(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        """Complete a checkpoint: one without this file was cut off, and is not used."""
        folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
        content = {"seconds": self.budget.seconds, "steps": state.global_step, "history": self.history}
        write_whole(folder / PROGRESS_FILE, json.dumps(content).encode())

    def close(self) -> None:
        """Stop the clock, and leave terminal and signals as they were."""
        self.budget.stop()
        if self.bar is not None:
            self.bar.close()
        for number, handler in self._handlers.items():
            signal.signal(number, handler)


def newest_checkpoint(folder: Path) -> Path | None:
    """Find the complete checkpoint with the most steps."""
    complete = [path.parent for path in folder.glob(f"checkpoint-*/{PROGRESS_FILE}")]
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)
