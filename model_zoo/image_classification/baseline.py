"""What a classifier without a network reaches on the same pictures: logistic regression on the pixels."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression

from model_zoo.image_classification.data import Pictures


def predictions(pictures: Pictures, held_out: Pictures) -> dict[str, np.ndarray]:
    """Train the baselines and label the pictures that are held out.

    Args:
        pictures: To train on.
        held_out: To be labelled.

    Returns:
        Name -> labels.
    """
    classifier = LogisticRegression(C=0.1, max_iter=100, tol=1e-3)
    classifier.fit(_rows(pictures), pictures.labels)
    return {"logistic regression on pixels": classifier.predict(_rows(held_out))}


def _rows(pictures: Pictures) -> np.ndarray:
    return pictures.pixels.reshape(len(pictures.pixels), -1) / np.float32(255)
