"""PaddleNLP's Trainer: a sine is learned, and continued."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.io import Dataset

from ..training import losses, trainer
from .vectors import build

LENGTH = 24


class Sines(Dataset):
    """Waves of one frequency and many phases, as (sine, cosine) that the model sees as vectors."""

    def __init__(self, count: int = 64, *, seed: int = 0) -> None:
        phases = np.random.default_rng(seed).uniform(0, 2 * np.pi, (count, 1))
        angles = phases + 0.7 * np.arange(LENGTH)
        self.rows = np.stack([np.sin(angles), np.cos(angles)], axis=-1).astype("float32")
        self.lengths = [LENGTH - 6 * (i % 2) for i in range(count)]

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        mask = (np.arange(LENGTH) < self.lengths[index]).astype("int64")
        row = np.where(mask[:, None] > 0, self.rows[index], np.nan).astype("float32")
        return {"inputs": row, "attention_mask": mask, "labels": row}

    def __len__(self) -> int:
        return len(self.rows)


@pytest.mark.parametrize("fields", [{}, {"probabilistic": True}], ids=["squared", "Gaussian"])
def test_a_sine_is_learned(tmp_path, fields):
    model = build(redraw=False, causal=True, dim_in=2, dim_out=2, rotary_pos_emb=True, seed=3, **fields)
    data = Sines()
    done = trainer(model, tmp_path, data=data, max_steps=60, learning_rate=5e-3, per_device_train_batch_size=16)
    done.train()
    found = losses(done)
    assert len(found) == 60 and found[-1] < found[0]
    model.eval()
    fresh = paddle.to_tensor(Sines(16, seed=9).rows)
    predicted = model(fresh, return_dict=True).predictions
    error = float(((predicted[:, 3:-1] - fresh[:, 4:]) ** 2).mean())
    last_value = float(((fresh[:, 3:-1] - fresh[:, 4:]) ** 2).mean())
    assert last_value > 0.2
    assert error < 0.1 * last_value
    more = {"temperature": 0} if fields else {}
    continued = model.generate(fresh[:, :16], 3, **more)
    assert float(((continued - fresh[:, 16:19]) ** 2).mean()) < 0.3 * last_value


def test_evaluation_and_prediction(tmp_path):
    model, data = build(causal=True, dim_in=2, dim_out=2, rotary_pos_emb=True), Sines(16)
    worker = trainer(model, tmp_path, data=data, compute_metrics=lambda predicted: {})
    measured = worker.evaluate()["eval_loss"]
    model.eval()
    batch = {name: paddle.to_tensor(np.stack([data[i][name] for i in range(16)])) for name in data[0]}
    halves = [{name: value[half] for name, value in batch.items()} for half in (slice(0, 8), slice(8, 16))]
    expected = np.mean([float(model(**half, return_dict=True).loss) for half in halves])
    assert measured == pytest.approx(expected, rel=1e-5)
    predicted = worker.predict(data)
    np.testing.assert_allclose(predicted.predictions, model(**batch, return_dict=True).predictions.numpy(), atol=1e-5)
    np.testing.assert_array_equal(predicted.label_ids, batch["labels"].numpy())
