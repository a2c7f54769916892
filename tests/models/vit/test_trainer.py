"""PaddleNLP's Trainer on the image family: training, evaluation, prediction."""

from __future__ import annotations

import numpy as np
import paddle
import pytest
from paddle.io import Dataset

from paddle_xformers import XViTConfig, XViTForImageClassification, XViTForMaskedImageModeling

from ..training import losses, trainer
from .images import SMALL


class Pictures(Dataset):
    """Noise that is brighter on one side: the class is which."""

    def __init__(self, *, hidden: bool = False) -> None:
        rng = np.random.default_rng(0)
        self.pictures = rng.normal(0, 0.1, (16, 3, 8, 8)).astype("float32")
        self.labels = np.arange(16) % 2
        for picture, label in zip(self.pictures, self.labels, strict=True):
            picture[:, :, 4 * label : 4 * label + 4] += 1
        self.hidden = hidden

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        beside = {"bool_masked_pos": np.array([1, 0, 0, 1])} if self.hidden else {"labels": self.labels[index]}
        return {"pixel_values": self.pictures[index], **beside}

    def __len__(self) -> int:
        return 16


def test_a_classifier_learns_and_is_measured(tmp_path):
    paddle.seed(1)
    model = XViTForImageClassification(XViTConfig(**{**SMALL, "num_classes": 2}))
    done = trainer(model, tmp_path, data=Pictures(), max_steps=15, compute_metrics=lambda predicted: {})
    done.train()
    found = losses(done)
    assert found[0] > 0.3 and found[-1] < 0.2 * found[0]
    assert done.evaluate()["eval_loss"] == pytest.approx(found[-1], abs=0.1)
    predicted = done.predict(Pictures())
    assert predicted.predictions.shape == (16, 2)
    np.testing.assert_array_equal(predicted.predictions.argmax(axis=1), predicted.label_ids)


def test_hidden_patches_are_learned(tmp_path):
    paddle.seed(1)
    model = XViTForMaskedImageModeling(XViTConfig(**SMALL))
    done = trainer(model, tmp_path, data=Pictures(hidden=True), max_steps=15)
    done.train()
    found = losses(done)
    assert found[-1] < 0.6 * found[0]
