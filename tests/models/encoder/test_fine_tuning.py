"""PaddleNLP's Trainer fine-tunes the encoder: from a masked language model to a classifier of sequences."""

from __future__ import annotations

import numpy as np
import pytest
from paddle.io import Dataset

from paddle_xformers import XEncoderForMaskedLM, XEncoderForQuestionAnswering, XEncoderForSequenceClassification

from ..training import losses, trainer
from .small import build

ROW = 10


class Sentences(Dataset):
    """Rows whose class is the id of their first token, less 3; token types; padding on the right."""

    def __init__(self, count: int = 32, *, answers: bool = False) -> None:
        rng = np.random.default_rng(0)
        self.rows = [np.concatenate([[3 + i % 3], rng.integers(10, 37, ROW - 1)]) for i in range(count)]
        self.answers = answers

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        row, mask = self.rows[index].copy(), (np.arange(ROW) < ROW - index % 3).astype("int64")
        given = {"input_ids": row, "attention_mask": mask, "token_type_ids": np.zeros(ROW, "int64")}
        if self.answers:
            return {**given, "start_positions": row[0] - 3, "end_positions": row[0] - 2}
        return {**given, "labels": row[0] - 3}

    def __len__(self) -> int:
        return len(self.rows)


@pytest.mark.parametrize("fields", [{}, {"pooler": "mean", "pooler_dense": True}, {"return_dict": True}], ids=str)
def test_a_classifier_learns_from_a_pretrained_encoder(tmp_path, fields):
    build(XEncoderForMaskedLM, type_vocab_size=2).save_pretrained(tmp_path / "pretrained")
    model = XEncoderForSequenceClassification.from_pretrained(tmp_path / "pretrained", num_labels=3, **fields)
    data = Sentences()
    accuracy = {"compute_metrics": lambda p: {"accuracy": float((p.predictions.argmax(-1) == p.label_ids).mean())}}
    worker = trainer(model, tmp_path, data=data, max_steps=24, save_strategy="steps", save_steps=24, **accuracy)
    worker.train()
    found = losses(worker)
    assert found[-1] < 0.5 * found[0]
    measured = worker.evaluate()
    assert measured["eval_accuracy"] > 0.9
    predicted = worker.predict(data)
    assert predicted.predictions.shape == (32, 3)
    loaded = XEncoderForSequenceClassification.from_pretrained(tmp_path / "checkpoint-24")
    assert loaded.config.num_labels == 3
    np.testing.assert_array_equal(loaded.classifier.weight.numpy(), model.classifier.weight.numpy())


def test_answers_are_learnt(tmp_path):
    model = build(XEncoderForQuestionAnswering, type_vocab_size=2)
    worker = trainer(model, tmp_path, data=Sentences(answers=True), max_steps=20)
    worker.train()
    found = losses(worker)
    assert found[-1] < 0.6 * found[0]
