"""Training with PaddleNLP's Trainer: a budget of time or of steps, and going on after an interruption."""

from __future__ import annotations

import json
import random
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.common.budget import Budget, Schedule
from model_zoo.common.progress import PROGRESS_FILE, Progress, newest_checkpoint
from paddle_xformers._compat import import_paddle, import_paddlenlp
from paddle_xformers.errors import CheckpointError

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.trainer import PrinterCallback, Trainer, TrainingArguments  # noqa: E402

NEVER = 10**6  # steps; the budget ends training, not the Trainer
LOG_EVERY = 10  # steps


class EpochOrder(paddle.io.DistributedBatchSampler):
    """Another order in each epoch, which follows from the seed and the epoch alone.

    PaddleNLP 3.0.0b4 draws it from NumPy's global state, so that a resumed run has that of the first epoch again.

    Args:
        dataset: The rows. If they are other in each epoch (masked, moved), it has a method `set_epoch` too.
        batch: Rows of a batch.
        seed: Of all orders.
    """

    def __init__(self, dataset: Any, batch: int, seed: int) -> None:
        super().__init__(dataset, batch, num_replicas=1, rank=0, shuffle=True)
        self.seed = seed

    def set_epoch(self, epoch: int) -> None:
        super().set_epoch((self.seed * 1_000_003 + epoch) % 2**32)
        if hasattr(self.dataset, "set_epoch"):
            self.dataset.set_epoch(epoch)


class RecipeTrainer(Trainer):
    """PaddleNLP's Trainer, which says what happened when a checkpoint cannot be written, and resumes exactly."""

    resumed: str | None = None  # a checkpoint whose random numbers are still to be taken up

    def _get_train_sampler(self) -> Any:
        return EpochOrder(self.train_dataset, self.args.per_device_train_batch_size, self.args.seed)

    def _load_rng_state(self, checkpoint: str | None) -> None:
        """Do nothing yet: PaddleNLP 3.0.0b4 does not come here if the checkpoint stands at the end of an epoch."""

    def training_step(self, *args: Any, **kwargs: Any) -> Any:
        """Compute one step; the first one with the random numbers of the checkpoint."""
        if self.resumed is not None:
            super()._load_rng_state(self.resumed)
            self.resumed = None
        return super().training_step(*args, **kwargs)

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


def seed_all(seed: int) -> None:
    """Make weights, dropout and order follow from one number."""
    random.seed(seed)
    np.random.seed(seed)
    paddle.seed(seed)


def train(
    model: Any,
    dataset: Any,
    plan: Schedule,
    folder: Path,
    seed: int,
    collate: Any = None,
    describe: Callable[[float, int, float], str] = lambda loss, step, seconds: f"loss {loss:.3f}",
) -> dict[str, Any]:
    """Train a model, from the newest checkpoint in the folder if there is one.

    Args:
        model: The model, with fresh weights; it is changed in place.
        dataset: Rows: dicts of the model's arguments.
        plan: Length and pace.
        folder: Where checkpoints are kept.
        seed: Of the order of the rows.
        collate: Makes a batch of a list of rows; None stacks them.
        describe: Of a loss, the steps and the seconds so far, makes what the bar shows.

    Returns:
        "seconds" and "steps" so far, "history" (a list of [step, seconds, loss]) and whether the run was
        "interrupted" before its end.
    """
    budget, history = Budget(plan), []
    resumed = newest_checkpoint(folder)
    if resumed is not None:
        saved = json.loads((resumed / PROGRESS_FILE).read_text(encoding="utf-8"))
        budget.before, budget.step, history = saved["seconds"], saved["steps"], saved["history"]
    progress = Progress(budget, history, describe)
    trainer = RecipeTrainer(
        model=model,
        args=_arguments(plan.batch, folder, seed),
        train_dataset=dataset,
        data_collator=collate,
        optimizers=_optimizer(model, budget, plan.learning_rate),
        callbacks=[progress],
    )
    trainer.remove_callback(PrinterCallback)
    trainer.resumed = None if resumed is None else str(resumed)
    try:
        trainer.train(resume_from_checkpoint=trainer.resumed)
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


def _arguments(batch: int, folder: Path, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(folder),
        do_train=True,
        max_steps=NEVER,
        per_device_train_batch_size=batch,
        save_strategy="no",  # Progress says when
        unified_checkpoint=True,  # resumes from safetensors, and whatever the parameters are called
        save_total_limit=2,  # one more than needed, for the newest may be cut off
        logging_steps=LOG_EVERY,
        report_to="none",
        disable_tqdm=True,  # Progress has a bar that knows the budget
        seed=seed,
        device=paddle.get_device().partition(":")[0],
    )


def _optimizer(model: Any, budget: Budget, learning_rate: float) -> tuple[Any, Any]:
    """AdamW with weight decay on the matrices only, and its learning rate."""
    rate = paddle.optimizer.lr.LambdaDecay(learning_rate, budget.rate)
    learning = [parameter for parameter in model.parameters() if not parameter.stop_gradient]
    matrices = {parameter.name for parameter in learning if parameter.ndim > 1}
    optimizer = paddle.optimizer.AdamW(
        rate,
        beta2=0.95,
        weight_decay=0.1,
        apply_decay_param_fun=matrices.__contains__,
        grad_clip=paddle.nn.ClipGradByGlobalNorm(1.0),
        parameters=learning,
    )
    return optimizer, rate
