"""Logits of a trained model over many rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from paddle_xformers._compat import import_paddle

paddle = import_paddle()


def logits_of(model: Any, rows: Any, collate: Any, batch: int = 64) -> np.ndarray:
    """Run a classifier over rows, in batches.

    Args:
        model: Returns logits (b, classes) where there are no labels.
        rows: Dicts of the model's arguments.
        collate: Makes a batch of a list of rows.
        batch: Rows at once.

    Returns:
        Logits, (rows, classes).
    """
    return np.concatenate([*_batches(model, rows, collate, batch)])


def padded_logits_of(model: Any, rows: Any, collate: Any, batch: int = 64) -> list[np.ndarray]:
    """Run a classifier of tokens over rows, in batches.

    Args:
        model: Returns logits (b, n, classes) where there are no labels.
        rows: Dicts of the model's arguments.
        collate: Makes a batch of a list of rows, with padding behind short ones.
        batch: Rows at once.

    Returns:
        Logits of each row, (its tokens, classes).
    """
    every = (row for some in _batches(model, rows, collate, batch) for row in some)
    return [logits[: len(row["input_ids"])] for row, logits in zip(rows, every, strict=True)]


def _batches(model: Any, rows: Any, collate: Any, batch: int) -> Iterator[np.ndarray]:
    model.eval()
    with paddle.no_grad():
        for first in range(0, len(rows), batch):
            inputs = collate([rows[number] for number in range(first, min(first + batch, len(rows)))])
            yield model(**inputs, return_dict=True).logits.numpy()
