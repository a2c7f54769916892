"""A text to learn by heart, and PaddleNLP's Trainer on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
from paddle.io import Dataset
from paddlenlp.trainer import Trainer, TrainerCallback, TrainingArguments

ROW = 12


class Rows(Dataset):
    """Rows of token ids that repeat with a short period, each its own label; some end in padding."""

    def __init__(self, count: int = 32, *, padded: bool = False) -> None:
        rng = np.random.default_rng(0)
        self.rows = [np.resize(rng.integers(3, 37, 3), ROW) for _ in range(count)]
        self.lengths = [ROW - (i % 4) * 2 * padded for i in range(count)]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        row, mask = self.rows[index].copy(), (np.arange(ROW) < self.lengths[index]).astype("int64")
        return {"input_ids": row, "attention_mask": mask, "labels": np.where(mask > 0, row, -100)}

    def __len__(self) -> int:
        return len(self.rows)


def collate(rows: list[dict[str, np.ndarray]]) -> dict[str, paddle.Tensor]:
    return {name: paddle.to_tensor(np.stack([row[name] for row in rows])) for name in rows[0]}


class Losses(TrainerCallback):
    """Keeps what the Trainer logs, which it only prints itself."""

    def __init__(self) -> None:
        self.found: list[float] = []

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **kwargs: Any) -> None:
        if logs and "loss" in logs:
            self.found.append(logs["loss"])


def trainer(model: paddle.nn.Layer, folder: Path, *, data: Dataset | None = None, **arguments: Any) -> Trainer:
    settings: dict[str, Any] = {
        "max_steps": 8,
        "per_device_train_batch_size": 8,
        "per_device_eval_batch_size": 8,
        "learning_rate": 1e-2,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 3,
        **arguments,
    }
    compute_metrics = settings.pop("compute_metrics", None)
    made = Trainer(
        model=model,
        args=TrainingArguments(output_dir=str(folder), **settings),
        train_dataset=data or Rows(),
        eval_dataset=data or Rows(),
        data_collator=collate,
        compute_metrics=compute_metrics,
    )
    made.losses = Losses()
    made.add_callback(made.losses)
    return made


def losses(done: Trainer) -> list[float]:
    return done.losses.found
