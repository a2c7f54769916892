"""How late a flight arrives without a network: as late as it left, ridge regression, boosted trees."""

from __future__ import annotations

import numpy as np
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, SplineTransformer

from model_zoo.flights.data import NUMBERS, Flights

LEFT = NUMBERS.index("left late")


def predictions(train: Flights, held_out: Flights) -> dict[str, np.ndarray]:
    """Say how late each flight arrives.

    Args:
        train: What is learned from.
        held_out: What is asked.

    Returns:
        Name -> minutes, (flights).
    """
    made_up = train.late - train.numbers[:, LEFT]  # what is learned: minutes lost on the way
    left = held_out.numbers[:, LEFT]
    return {
        "as late as it left, less what is usual": left + np.median(made_up),
        "ridge regression": left + _ridge(train, made_up, held_out),
        "boosted trees": left + _trees(train, made_up, held_out),
    }


def _ridge(train: Flights, target: np.ndarray, held_out: Flights) -> np.ndarray:
    """Of each word, and of curves of each number."""
    words, curves = OneHotEncoder(handle_unknown="ignore", sparse_output=False), SplineTransformer(n_knots=8, degree=2)
    words.fit(train.words)
    curves.fit(np.arcsinh(train.numbers))
    features = [
        np.concatenate([words.transform(part.words), curves.transform(np.arcsinh(part.numbers))], axis=1)
        for part in (train, held_out)
    ]
    return Ridge(alpha=1.0).fit(features[0], target).predict(features[1])


def _trees(train: Flights, target: np.ndarray, held_out: Flights) -> np.ndarray:
    """For the mean absolute error, with words as categories."""
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=np.nan).fit(train.words)
    features = [np.concatenate([codes.transform(part.words), part.numbers], axis=1) for part in (train, held_out)]
    categories = list(range(train.words.shape[1]))
    trees = HistGradientBoostingRegressor(
        loss="absolute_error", max_iter=300, categorical_features=categories, random_state=0
    )
    return trees.fit(features[0], target).predict(features[1])
