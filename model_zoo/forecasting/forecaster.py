"""The forecaster: its scales, its training, its generation, its scores on the months that are held out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from model_zoo.common import report
from model_zoo.common.files import write_whole
from model_zoo.common.fitting import fit
from model_zoo.common.plan import Plan
from model_zoo.common.runs import Run
from model_zoo.forecasting import baseline
from model_zoo.forecasting.data import NAMES, TEMPERATURES, Weather
from paddle_xformers import XContinuousConfig, XContinuousForRegression
from paddle_xformers._compat import import_paddle, import_paddlenlp

paddle = import_paddle()
import_paddlenlp()
from paddlenlp.data import DefaultDataCollator  # noqa: E402

KNOWN, AHEAD = 72, 24  # hours before, hours foreseen
EVERY = 6  # hours from one start to the next in the evaluation
SCALES = "scales.json"
BATCH = 64  # forecasts at once


class Scales:
    """From weather to numbers around zero, and back.

    Args:
        mean: Of each name, (names).
        deviation: Likewise.
    """

    def __init__(self, mean: np.ndarray, deviation: np.ndarray) -> None:
        self.mean, self.deviation = mean, deviation

    @classmethod
    def of(cls, weather: Weather) -> Scales:
        """Measure them."""
        return cls(weather.filled.mean(0), np.maximum(weather.filled.std(0), 1e-6))

    @classmethod
    def load(cls, folder: Path) -> Scales:
        """Read them from the folder of a model."""
        saved = json.loads((folder / SCALES).read_text(encoding="utf-8"))
        return cls(np.array(saved["mean"], np.float32), np.array(saved["deviation"], np.float32))

    def save(self, folder: Path) -> None:
        """Write them beside a model."""
        content = {"names": NAMES, "mean": self.mean.tolist(), "deviation": self.deviation.tolist()}
        write_whole(folder / SCALES, (json.dumps(content, indent=2) + "\n").encode())

    def scaled(self, values: np.ndarray) -> np.ndarray:
        """Bring weather, (..., names), to numbers around zero."""
        return ((values - self.mean) / self.deviation).astype(np.float32)

    def weather(self, scaled: np.ndarray) -> np.ndarray:
        """Bring them back, (..., names)."""
        return scaled * self.deviation + self.mean


class Rows:
    """A row for each hour that enough hours follow: the vectors from there on; nan where nothing was measured.

    Args:
        weather: The hours.
        scales: What brings them to numbers around zero.
    """

    def __init__(self, weather: Weather, scales: Scales) -> None:
        self.inputs, self.labels = scales.scaled(weather.filled), scales.scaled(weather.values)

    def __len__(self) -> int:
        return len(self.inputs) - KNOWN - AHEAD + 1

    def __getitem__(self, index: int) -> dict[str, Any]:
        hours = slice(index, index + KNOWN + AHEAD)
        return {"inputs": self.inputs[hours], "labels": self.labels[hours]}


def train(run: Run, plan: Plan, fields: dict[str, Any], weather: Weather, seed: int) -> bool:
    """Train the forecaster, and save it with its scales.

    Args:
        run: Where.
        plan: Length and pace.
        fields: Of the model.
        weather: To train on.
        seed: Of weights, dropout and order.

    Returns:
        Whether it is trained; False if it was interrupted.
    """
    config, scales = XContinuousConfig(**fields), Scales.of(weather)

    def save(model: Any) -> None:
        model.save_pretrained(run.model)
        scales.save(run.model)

    rows = Rows(weather, scales)
    return fit(run, plan, seed, lambda: XContinuousForRegression(config), rows, save, DefaultDataCollator())


def forecast(model: Any, scales: Scales, before: np.ndarray) -> np.ndarray:
    """Foresee a day.

    Args:
        model: The trained model.
        scales: Those it was trained with.
        before: Weather of the hours before, (starts, KNOWN, names).

    Returns:
        Weather of the hours after, (starts, AHEAD, names).
    """
    found = []
    for first in range(0, len(before), BATCH):
        inputs = paddle.to_tensor(scales.scaled(before[first : first + BATCH]))
        found.append(model.generate(inputs, AHEAD).numpy())
    return scales.weather(np.concatenate(found))


def show(run: Run, plan: Plan, weather: Weather, held_out: Weather) -> None:
    """Score the saved model and the baselines on the months that are held out.

    Args:
        run: The finished run.
        plan: Its length.
        weather: What the baselines train on.
        held_out: What all foresee.
    """
    print(report.trained(run.outcome or {}, plan.batch), flush=True)
    model, scales = XContinuousForRegression.from_pretrained(str(run.model)), Scales.load(run.model)
    starts = list(range(KNOWN - 1, len(held_out.values) - AHEAD, EVERY))
    before = np.stack([held_out.filled[start - KNOWN + 1 : start + 1] for start in starts])
    found = {"this model": forecast(model, scales, before)[:, :, TEMPERATURES]}
    found |= baseline.predictions(weather, held_out, starts, AHEAD)
    truth = np.stack([held_out.values[start + 1 : start + 1 + AHEAD] for start in starts])[:, :, TEMPERATURES]
    scores = {name: errors(temperatures, truth) for name, temperatures in found.items()}
    run.note(scores=scores)
    print(f"\n{len(starts)} forecasts; mean error of temperatures in degrees Celsius")
    print(report.table(["held out", "1 h", "6 h", "24 h", "all 24"], scores))
    print(f"\nModel: {run.model}")


def errors(found: np.ndarray, truth: np.ndarray) -> list[float]:
    """Mean absolute errors 1, 6 and 24 hours ahead, and of all hours, where there is a truth."""
    error = np.abs(found - truth)
    return [float(np.nanmean(error[:, hours])) for hours in (0, 5, AHEAD - 1, slice(None))]
