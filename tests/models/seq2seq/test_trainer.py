"""PaddleNLP's Trainers: learning to write numbers backwards, evaluation by generation, resuming, recompute."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from paddle.io import Dataset
from paddlenlp.trainer import Seq2SeqTrainer, Seq2SeqTrainingArguments

from paddle_xformers import XSeq2Seq, XSeq2SeqConfig

from ..small import assert_same_weights, weights
from .small import both

PAD, BOS, EOS, FIRST = 0, 1, 2, 3
LONGEST = 5


class Backwards(Dataset):
    """Numbers of one to five digits and the same written backwards; all different, padded on the right."""

    def __init__(self, count: int, *, seed: int = 0) -> None:
        draw = np.random.default_rng(seed)
        self.rows = [draw.integers(0, 10, draw.integers(2, LONGEST + 1)) + FIRST for _ in range(count)]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        row = self.rows[index]
        spare = LONGEST - len(row)
        return {
            "input_ids": np.pad(row, (0, spare)),
            "attention_mask": np.pad(np.ones_like(row), (0, spare)),
            "labels": np.pad(np.append(row[::-1], EOS), (0, spare), constant_values=-100),
        }

    def __len__(self) -> int:
        return len(self.rows)


def collate(rows: list[dict[str, np.ndarray]]) -> dict[str, paddle.Tensor]:
    return {name: paddle.to_tensor(np.stack([row[name] for row in rows])) for name in rows[0]}


def fresh(**fields: Any) -> XSeq2Seq:
    paddle.seed(1)
    sizes = both(num_tokens=13, depth=1, heads=4, attn_dim_head=8, max_seq_len=16)
    special = {"pad_token_id": PAD, "bos_token_id": BOS, "eos_token_id": EOS}
    return XSeq2Seq(XSeq2SeqConfig(**{"dim": 32, **sizes, **special, **fields}))


def trainer(model: XSeq2Seq, folder: Path, **arguments: Any) -> Seq2SeqTrainer:
    settings: dict[str, Any] = {
        "max_steps": 4,
        "per_device_train_batch_size": 64,
        "per_device_eval_batch_size": 64,
        "learning_rate": 1e-2,
        "save_strategy": "no",
        "report_to": "none",
        "disable_tqdm": True,
        "seed": 3,
        **arguments,
    }
    return Seq2SeqTrainer(
        model=model,
        args=Seq2SeqTrainingArguments(output_dir=str(folder), **settings),
        train_dataset=Backwards(2048),
        eval_dataset=Backwards(128, seed=1),
        data_collator=collate,
        compute_metrics=lambda predicted: {},  # without it the Trainer keeps nothing but the loss
    )


def exact(written: np.ndarray, labels: np.ndarray) -> float:
    """Share of the rows that are right up to and with their end."""
    wanted = np.where(labels == -100, PAD, labels)
    width = min(written.shape[1], wanted.shape[1])
    return float((written[:, :width] == wanted[:, :width]).all(axis=1).mean())


def new_rows(worker: Seq2SeqTrainer) -> list[dict[str, np.ndarray]]:
    """Rows to evaluate on that are not among those trained on."""
    seen = {tuple(row) for row in worker.train_dataset.rows}
    data = worker.eval_dataset
    return [data[i] for i in range(len(data)) if tuple(data.rows[i]) not in seen]


def test_it_learns_to_write_numbers_backwards(tmp_path):
    """Numbers it has not seen, written by generation with a cache, exactly right."""
    model = fresh(tie_token_emb=True)
    worker = trainer(model, tmp_path, max_steps=160, lr_scheduler_type="cosine", predict_with_generate=True)
    seen = {tuple(row) for row in worker.train_dataset.rows}
    batch = collate(
        [row for row in worker.eval_dataset if tuple(row["input_ids"][row["attention_mask"] > 0]) not in seen]
    )
    assert len(batch["labels"]) >= 40
    source = {name: batch[name] for name in ("input_ids", "attention_mask")}
    model.eval()
    before = model.generate(**source, max_new_tokens=LONGEST + 1)[0].numpy()
    assert exact(before, batch["labels"].numpy()) < 0.1
    worker.train()
    model.eval()
    after = model.generate(**source, max_new_tokens=LONGEST + 1)[0].numpy()
    assert exact(after, batch["labels"].numpy()) > 0.9
    predicted = worker.predict(worker.eval_dataset, max_length=LONGEST + 1)
    assert exact(predicted.predictions, predicted.label_ids) > 0.9


@pytest.mark.parametrize("fields", [{}, {"return_dict": True, "use_cache": True}], ids=["tuple", "dict"])
def test_evaluation_keeps_logits_only(tmp_path, fields):
    model = fresh(**fields)
    worker = trainer(model, tmp_path)
    measured = worker.evaluate()["eval_loss"]
    model.eval()
    data = worker.eval_dataset
    batches = [collate([data[i] for i in range(start, start + 64)]) for start in (0, 64)]
    expected = np.mean([float(model(**batch, return_dict=True).loss) for batch in batches])
    assert measured == pytest.approx(expected, rel=1e-5)
    predicted = worker.predict(data)
    assert isinstance(predicted.predictions, np.ndarray) and predicted.predictions.shape == (128, LONGEST + 1, 13)


def test_resumed_training_equals_uninterrupted(tmp_path):
    settings = {"max_steps": 4, "save_strategy": "steps", "save_steps": 2}

    def run(folder: Path, resume: str | None = None) -> XSeq2Seq:
        with paddle.utils.unique_name.guard():
            model = fresh(tie_token_emb=True, dec_tie_word_embeddings=True, **both(attn_dropout=0.1))
            worker = trainer(model, folder, **settings)
            worker.train(resume_from_checkpoint=resume)
            assert worker.state.global_step == 4
            return model

    whole = run(tmp_path / "whole")
    assert_same_weights(run(tmp_path / "resumed", str(tmp_path / "whole" / "checkpoint-2")), whole)


def test_recompute_reaches_both_stacks_and_changes_nothing(tmp_path):
    def run(on: bool) -> XSeq2Seq:
        with paddle.utils.unique_name.guard():
            model = fresh(**both(attn_dropout=0.1))
            trainer(model, tmp_path, recompute=on).train()
            assert [part.stack.enable_recompute for part in (model.get_encoder(), model.get_decoder())] == [on, on]
            return model

    plain, again = run(False), run(True)
    for name, value in weights(plain).items():
        np.testing.assert_allclose(weights(again)[name], value, atol=1e-6, err_msg=name)
    again.recompute_disable()
    assert not again.get_decoder().stack.enable_recompute
