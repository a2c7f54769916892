"""From drawings with transparency to pictures as the model takes them."""

from __future__ import annotations

from typing import Any

import numpy as np

from model_zoo.image_captioning.data import Drawings

FARTHEST = 4  # pixels by which a picture is moved
BACKGROUNDS = ((255, 255, 255), (0, 0, 0))
CHANCE_OF_ANY_COLOUR = 0.5
LIGHT = 0.15  # by which each colour is made brighter or darker, at most


class Rows:
    """Pictures and captions as the model takes them.

    Args:
        drawings: The drawings.
        captions: Ids of their captions; None where they are to be found.
        processor: Makes pixel values of pictures.
        seed: Change pictures at random, in each epoch anew; None puts them on white.
    """

    def __init__(
        self, drawings: Drawings, captions: list[list[int]] | None, processor: Any, seed: int | None = None
    ) -> None:
        self.drawings, self.captions, self.processor, self.seed = drawings, captions, processor, seed
        self.epoch = 0

    def set_epoch(self, epoch: int) -> None:
        """Choose how pictures are changed: by seed, epoch and picture, so that a resumed run changes them alike."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.drawings.captions)

    def __getitem__(self, index: int) -> dict[str, Any]:
        drawing = self.drawings.pixels[index]
        if self.seed is None:
            picture = on_colour(drawing, BACKGROUNDS[0])
        else:
            picture = changed(drawing, np.random.default_rng([self.seed, self.epoch, index]))
        row = {"pixel_values": self.processor(picture, return_tensors="np")["pixel_values"][0]}
        return row if self.captions is None else {**row, "labels": self.captions[index]}


def on_colour(drawing: np.ndarray, colour: Any) -> np.ndarray:
    """Lay a drawing on one colour.

    Args:
        drawing: Bytes, (height, width, 4).
        colour: Red, green and blue, of 255.

    Returns:
        Bytes, (height, width, 3).
    """
    opaque = drawing[:, :, 3:].astype(np.float32) / 255
    mixed = drawing[:, :, :3] * opaque + np.asarray(colour, np.float32) * (1 - opaque)
    return np.round(mixed).astype(np.uint8)


def changed(drawing: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Move a drawing, lay it on white, black or any colour, and change its light.

    Args:
        drawing: Bytes, (height, width, 4).
        random: Decides.

    Returns:
        Bytes, (height, width, 3).
    """
    height, width, _ = drawing.shape
    top, left = random.integers(0, 2 * FARTHEST + 1, 2)
    room = ((FARTHEST, FARTHEST), (FARTHEST, FARTHEST), (0, 0))
    moved = np.pad(drawing, room)[top : top + height, left : left + width]
    usual = BACKGROUNDS[random.integers(len(BACKGROUNDS))]
    colour = random.integers(0, 256, 3) if random.random() < CHANCE_OF_ANY_COLOUR else usual
    light = 1 + random.uniform(-LIGHT, LIGHT, 3)
    return np.clip(np.round(on_colour(moved, colour) * light), 0, 255).astype(np.uint8)


def together(rows: list[dict[str, Any]], padding: int = -100) -> dict[str, Any]:
    """Make a batch of rows.

    Args:
        rows: As `Rows` gives them.
        padding: What stands behind short captions; it is left out of the loss.

    Returns:
        Tensors by name.
    """
    import paddle

    batch = {"pixel_values": paddle.to_tensor(np.stack([row["pixel_values"] for row in rows]))}
    if "labels" in rows[0]:
        longest = max(len(row["labels"]) for row in rows)
        labels = [row["labels"] + [padding] * (longest - len(row["labels"])) for row in rows]
        batch["labels"] = paddle.to_tensor(np.array(labels, np.int64))
    return batch
