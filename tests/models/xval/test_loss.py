"""The loss against one written out by hand, and PaddleNLP's Trainer."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.io import Dataset

from ..training import losses, trainer
from .texts import NUMBER, SUBJECT, build, text


def by_hand(logits, numbers, ids, wanted, weight):
    """Cross entropy and squared error of each place that has a label, in float64."""
    total, count = 0.0, 0
    for row in range(ids.shape[0]):
        for place in range(ids.shape[1] - 1):
            label = ids[row, place + 1]
            if label == -100:
                continue
            scores = logits[row, place].astype("float64")
            total += np.log(np.exp(scores - scores.max()).sum()) + scores.max() - scores[label]
            if label == NUMBER:
                total += weight * (float(numbers[row, place]) - float(wanted[row, place + 1])) ** 2
            count += 1
    return total / count


@pytest.mark.parametrize("weight", [1.0, 0.25, 0.0])
def test_the_loss_by_hand(weight):
    model = build(numerical_loss_weight=weight)
    ids, numbers = text()
    labels = ids.clone()
    labels[0, 6:] = -100
    output = model(ids, numbers, labels=labels, return_dict=True)
    expected = by_hand(output.logits.numpy(), output.numbers.numpy(), labels.numpy(), numbers.numpy(), weight)
    assert float(output.loss) == pytest.approx(expected, rel=1e-5)
    output.loss.backward()
    assert all(np.isfinite(p.grad.numpy()).all() for p in model.parameters() if p.grad is not None)


def test_targets_of_their_own_and_the_parts_of_the_loss():
    model = build(numerical_loss_weight=0.5)
    ids, numbers = text()
    other = numbers + 1.0
    output = model(ids, numbers, labels=ids, number_labels=other, return_loss_breakdown=True, return_dict=True)
    expected = by_hand(output.logits.numpy(), output.numbers.numpy(), ids.numpy(), other.numpy(), 0.5)
    assert float(output.loss) == pytest.approx(expected, rel=1e-5)
    assert float(output.loss) == pytest.approx(float(output.token_loss) + 0.5 * float(output.number_loss), rel=1e-6)
    assert len(model(ids, numbers, labels=ids)) == 3  # loss, logits, numbers: all that the Trainer collects


def test_without_any_label_the_loss_is_nothing():
    model = build()
    ids, numbers = text()
    assert float(model(ids, numbers, labels=paddle.full_like(ids, -100))[0]) == 0


class Sums(Dataset):
    """Two numbers, and their sum as the third: the model reads and writes them as numbers."""

    def __init__(self, count: int, *, seed: int) -> None:
        parts = np.random.default_rng(seed).uniform(-1, 1, (count, 2)).astype("float32")
        self.numbers = np.concatenate([parts, parts.sum(1, keepdims=True)], axis=1)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        ids, numbers = np.array([6, NUMBER, NUMBER, NUMBER]), np.append(np.float32(0), self.numbers[index])
        return {"input_ids": ids, "input_numbers": numbers, "labels": np.where(np.arange(4) < 3, -100, ids)}

    def __len__(self) -> int:
        return len(self.numbers)


def test_sums_are_learned_by_paddlenlps_trainer(tmp_path):
    model = SUBJECT.build({}, redraw=False)
    done = trainer(
        model, tmp_path, data=Sums(512, seed=0), max_steps=120, learning_rate=3e-3, per_device_train_batch_size=64
    )
    done.train()
    assert losses(done)[-1] < losses(done)[0]
    model.eval()
    fresh = Sums(64, seed=1)
    numbers = paddle.to_tensor(np.stack([fresh[i]["input_numbers"] for i in range(64)]))
    ids = paddle.to_tensor(np.stack([fresh[i]["input_ids"] for i in range(64)]))
    found = model.generate(ids[:, :3], input_numbers=numbers[:, :3], max_new_tokens=1)
    assert (found.ids.numpy() == NUMBER).all()
    error = float(((found.numbers - numbers[:, 3:]) ** 2).mean())
    assert error < 0.1 * float(numbers[:, 3].var())
