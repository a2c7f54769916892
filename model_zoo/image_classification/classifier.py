"""The classifier: its image processor, its training, its scores on the pictures that are held out."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.common import report
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.predicting import logits_of
from model_zoo.common.runs import Run
from model_zoo.image_classification import baseline
from model_zoo.image_classification.data import LABELS, Pictures
from paddle_xformers import AutoModelForImageClassification, XImageProcessor, XViTConfig, XViTForImageClassification
from paddle_xformers._compat import import_paddlenlp

import_paddlenlp()
from paddlenlp.data import DefaultDataCollator  # noqa: E402
from paddlenlp.transformers import AutoImageProcessor  # noqa: E402

CHANCE_OF_A_MIRROR = 0.5
FARTHEST = 1  # pixel by which a picture is moved


class Rows:
    """Pictures as the model takes them.

    Args:
        pictures: The pictures.
        processor: Makes pixel values of them.
        seed: Mirror and move them at random, in each epoch anew; None leaves them as they are.
    """

    def __init__(self, pictures: Pictures, processor: Any, seed: int | None = None) -> None:
        self.pictures, self.processor, self.seed = pictures, processor, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose how pictures are moved: by seed, epoch and picture, so that a resumed run moves them alike."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.pictures.labels)

    def __getitem__(self, index: int) -> dict[str, Any]:
        pixels = self.pictures.pixels[index]
        if self.seed is not None:
            pixels = moved(pixels, np.random.default_rng([self.seed, self.epoch, index]))
        values = self.processor(pixels, return_tensors="np")["pixel_values"][0]
        return {"pixel_values": values, "labels": self.pictures.labels[index]}


def moved(pixels: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Mirror a picture, or not, and move it, with black where nothing was.

    Args:
        pixels: (height, width).
        random: Decides.
    """
    if random.random() < CHANCE_OF_A_MIRROR:
        pixels = pixels[:, ::-1]
    top, left = random.integers(0, 2 * FARTHEST + 1, 2)
    height, width = pixels.shape
    return np.ascontiguousarray(np.pad(pixels, FARTHEST)[top : top + height, left : left + width])


def train(run: Run, plan: Plan, fields: dict[str, Any], pictures: Pictures, seed: int) -> bool:
    """Train the classifier, and save it with its image processor.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        pictures: To train on.
        seed: Of weights, dropout, order and movements.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    labels = {
        "id2label": dict(enumerate(LABELS)),
        "label2id": {label: place for place, label in enumerate(LABELS)},
    }
    config = XViTConfig(**fields, **labels)
    processor = XImageProcessor.from_config(config, do_resize=True, image_mean=0.2860, image_std=0.3530)

    def save(model: Any) -> None:
        model.save_pretrained(run.model)
        processor.save_pretrained(run.model)

    rows = Rows(pictures, processor, seed)
    return fit(run, plan, seed, lambda: XViTForImageClassification(config), rows, save, DefaultDataCollator())


def show(run: Run, plan: Plan, train_pictures: Pictures, held_out: Pictures) -> None:
    """Score the saved model and the baseline on the pictures that are held out.

    Args:
        run: The finished run.
        plan: Its length.
        train_pictures: What the baseline trains on.
        held_out: What both label.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model = AutoModelForImageClassification.from_pretrained(str(run.model))
    processor = AutoImageProcessor.from_pretrained(str(run.model))
    rows = Rows(held_out, processor)
    found = {"this model": logits_of(model, rows, _without_labels).argmax(-1)}
    found |= baseline.predictions(train_pictures, held_out)
    scores = {name: [float((labels == held_out.labels).mean())] for name, labels in found.items()}
    run.note(scores=scores)
    print("\n" + report.table(["held out", "accuracy"], scores))
    wrong = found["this model"] != held_out.labels
    worst = sorted(range(len(LABELS)), key=lambda place: -int((wrong & (held_out.labels == place)).sum()))[:3]
    print(
        "Hardest: " + ", ".join(f"{LABELS[place]} ({_share(wrong, held_out.labels == place)} wrong)" for place in worst)
    )
    print(f"\nModel: {run.model}")


def _without_labels(rows: list[dict[str, Any]]) -> dict[str, Any]:
    return DefaultDataCollator()([{"pixel_values": row["pixel_values"]} for row in rows])


def _share(wrong: np.ndarray, among: np.ndarray) -> str:
    return f"{wrong[among].mean():.0%}" if among.any() else "none"
