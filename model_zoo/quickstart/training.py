"""Training with PaddleNLP's Trainer: a budget of time or of steps, and going on after an interruption."""

from __future__ import annotations

import json
import math
import random
import shutil
import signal
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from model_zoo.quickstart.files import write_whole
from model_zoo.quickstart.plan import Plan, build_model
from paddle_xformers._compat import import_paddle, import_paddlenlp
from paddle_xformers.errors import CheckpointError

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.trainer import PrinterCallback, Trainer, TrainerCallback, TrainingArguments  # noqa: E402

NEVER = 10**6  # steps; the budget ends training, not the Trainer
WARMUP = 0.03  # share of the budget
CHECKPOINTS = 12  # in one run
LOG_EVERY = 10  # steps
PROGRESS_FILE = "progress.json"
BAR = "training {percentage:3.0f}%|{bar:30}| {elapsed}{postfix}"


class Budget:
    """How much of the run is done, over all sessions.

    Args:
        plan: Says how many seconds, or how many steps, a run has.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
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


class Progress(TrainerCallback):
    """Ends training with the budget, saves now and then, keeps the losses, and shows a bar on a terminal."""

    def __init__(self, budget: Budget, history: list[list[float]], bytes_a_step: int) -> None:
        self.budget = budget
        self.history = history
        self.bytes_a_step = bytes_a_step
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
        bits = logs["loss"] / math.log(2)
        self.history.append([state.global_step, round(self.budget.seconds, 2), round(bits, 4)])
        speed = self.bytes_a_step * state.global_step / max(self.budget.seconds, 1e-9)
        self.bar.set_postfix_str(f"{bits:.2f} bits a byte, {speed:,.0f} bytes/s", refresh=False)

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


class QuickstartTrainer(Trainer):
    """PaddleNLP's Trainer, which says what happened when a checkpoint cannot be written."""

    def _save_checkpoint(self, *args: Any, **kwargs: Any) -> None:
        folder = Path(self.args.output_dir)
        try:
            super()._save_checkpoint(*args, **kwargs)
        except Exception as error:  # a full disk shows itself as any kind of error, depending on who was writing
            before = newest_checkpoint(folder)
            kept = f"{before.name} is complete" if before else "there was none before"
            free = shutil.disk_usage(folder).free / 2**20
            raise CheckpointError(
                f"a checkpoint in {folder} could not be saved ({type(error).__name__}: {error}); {kept}. "
                f"{free:,.0f} MB are free there: make room, and the same command goes on."
            ) from error


def fresh_model(plan: Plan, tokenizer: Any, seed: int) -> Any:
    """Build a model whose weights follow from the seed."""
    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)
    return build_model(plan, tokenizer)


def newest_checkpoint(folder: Path) -> Path | None:
    """Find the complete checkpoint with the most steps."""
    complete = [path.parent for path in folder.glob(f"checkpoint-*/{PROGRESS_FILE}")]
    return max(complete, key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def train(model: Any, windows: Any, plan: Plan, folder: Path, seed: int) -> dict[str, Any]:
    """Train a model, from the newest checkpoint in the folder if there is one.

    Args:
        model: The model, with fresh weights; it is changed in place.
        windows: The dataset.
        plan: Sizes and budget.
        folder: Where checkpoints are kept.
        seed: Of the order of the windows.

    Returns:
        "seconds" and "steps" so far, "history" (a list of [step, seconds, bits a byte]) and whether the run was
        "interrupted" before its end.
    """
    budget, history = Budget(plan), []
    resumed = newest_checkpoint(folder)
    if resumed is not None:
        saved = json.loads((resumed / PROGRESS_FILE).read_text(encoding="utf-8"))
        budget.before, budget.step, history = saved["seconds"], saved["steps"], saved["history"]
    progress = Progress(budget, history, plan.batch * (plan.window - 1))
    trainer = QuickstartTrainer(
        model=model,
        args=_arguments(plan, folder, seed),
        train_dataset=windows,
        optimizers=_optimizer(model, budget, plan),
        callbacks=[progress],
    )
    trainer.remove_callback(PrinterCallback)
    try:
        trainer.train(resume_from_checkpoint=None if resumed is None else str(resumed))
    finally:
        progress.close()
    return {
        "seconds": budget.seconds,
        "steps": budget.step,
        "history": history,
        "interrupted": budget.share < 1,
    }


def remove_checkpoints(folder: Path) -> None:
    """Remove what a finished run no longer needs."""
    for path in folder.glob("checkpoint-*"):
        shutil.rmtree(path)


def _arguments(plan: Plan, folder: Path, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        do_train=True,
        max_steps=NEVER,
        per_device_train_batch_size=plan.batch,
        save_strategy="no",  # Progress says when
        unified_checkpoint=True,  # resumes from safetensors, and whatever the parameters are called
        save_total_limit=2,  # one more than needed, for the newest may be cut off
        logging_steps=LOG_EVERY,
        report_to="none",
        disable_tqdm=True,  # Progress has a bar that knows the budget
        seed=seed,
        device=paddle.get_device().partition(":")[0],
    )


def _optimizer(model: Any, budget: Budget, plan: Plan) -> tuple[Any, Any]:
    """AdamW with weight decay on the matrices only, and its learning rate."""
    rate = paddle.optimizer.lr.LambdaDecay(plan.learning_rate, budget.rate)
    matrices = {parameter.name for parameter in model.parameters() if parameter.ndim > 1}
    optimizer = paddle.optimizer.AdamW(
        rate,
        beta2=0.95,
        weight_decay=0.1,
        apply_decay_param_fun=matrices.__contains__,
        grad_clip=paddle.nn.ClipGradByGlobalNorm(1.0),
        parameters=model.parameters(),
    )
    return optimizer, rate
