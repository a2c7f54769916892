"""What is foreseen without a network: no change, the day before again, and ridge regression on a day of weather."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import RidgeCV

from model_zoo.forecasting.data import TEMPERATURES, Weather

DAY = 24
LAGS = (*range(12), 17, 23)  # hours before now whose weather the regression sees


def predictions(weather: Weather, held_out: Weather, starts: list[int], ahead: int) -> dict[str, np.ndarray]:
    """Foresee the temperatures of the hours after each start.

    Args:
        weather: To train on.
        held_out: What is to be foreseen.
        starts: Hours of `held_out` that are known last.
        ahead: How many hours are foreseen, at most a day.

    Returns:
        Name -> temperatures, (starts, ahead, places).
    """
    filled = held_out.filled[:, TEMPERATURES]
    now = np.array(starts)[:, None]
    hours = 1 + np.arange(ahead)
    return {
        "as it is now": np.repeat(filled[now], ahead, axis=1),
        "as a day before": filled[now + hours - DAY],
        "ridge regression": _regression(weather.filled, held_out.filled, np.array(starts), ahead),
    }


def _regression(train: np.ndarray, held_out: np.ndarray, starts: np.ndarray, ahead: int) -> np.ndarray:
    """One regression for each hour ahead: all weather of a day to the change of temperature."""
    known = np.arange(DAY, len(train) - ahead)
    mean, scale = train.mean(0), train.std(0)
    seen, asked = (_features((part - mean) / scale, at) for part, at in ((train, known), (held_out, starts)))
    found = []
    for hour in range(1, ahead + 1):
        change = train[known + hour][:, TEMPERATURES] - train[known][:, TEMPERATURES]
        model = RidgeCV(alphas=(1.0, 10.0, 100.0, 1000.0)).fit(seen, change)
        found.append(held_out[starts][:, TEMPERATURES] + model.predict(asked))
    return np.stack(found, axis=1)


def _features(values: np.ndarray, at: np.ndarray) -> np.ndarray:
    return np.concatenate([values[at - lag] for lag in LAGS], axis=1)
