"""Logits of a trained model over many rows."""

from __future__ import annotations

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
    model.eval()
    found = []
    with paddle.no_grad():
        for first in range(0, len(rows), batch):
            inputs = collate([rows[number] for number in range(first, min(first + batch, len(rows)))])
            found.append(model(**inputs, return_dict=True).logits.numpy())
    return np.concatenate(found)
