"""Four-part chorales of J. S. Bach: a voice a stream, an eighth a place; a fifth of the melodies is held out."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.chorales.score import HELD, SILENT, VOICES, read
from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE, VERSION = "music21", "9.3.0"
FOLDER = Path("music21", "corpus", "bach")
PAD, START, END, HOLD, REST, FIRST = range(6)  # tokens; from FIRST on pitches
LOWEST, HIGHEST = 30, 90  # MIDI numbers, room for moved pieces included
NUM_TOKENS = FIRST + HIGHEST - LOWEST + 1
MELODY = 8  # intervals of the soprano that tell a melody
FEWEST = 16  # eighths of a piece


@dataclass(frozen=True)
class Chorales:
    """Pieces.

    Attributes:
        pieces: What begins in each voice at each eighth, as `score.read` gives it, (eighths, voices) each.
    """

    pieces: tuple[np.ndarray, ...]

    @property
    def digest(self) -> str:
        """What tells this data from other data."""
        return hashlib.sha256(b"".join(piece.tobytes() for piece in self.pieces)).hexdigest()


def load(folder: str | None, limit: int | None) -> tuple[Chorales, Chorales]:
    """Read the chorales.

    Args:
        folder: Where the scores are, *.mxl; None fetches them.
        limit: How many pieces of each part are used; None: all.

    Returns:
        The chorales to train on, and those held out. Settings of one melody are on one side.

    Raises:
        InputError: The scores cannot be fetched, or are not there, or are others.
    """
    root = Path(folder).expanduser() if folder else fetch.from_pypi(PACKAGE, VERSION) / FOLDER
    paths = sorted(root.glob("*.mxl"))
    if not paths:
        raise InputError(f"--data {root}: it holds no scores (*.mxl); give the folder of {FOLDER} in {PACKAGE}.")
    pieces: dict[bytes, np.ndarray] = {}
    try:
        for piece in map(read, paths):
            if piece is not None and len(piece) >= FEWEST and fits(piece):
                pieces[piece.tobytes()] = piece
    except ValueError as error:
        raise InputError(f"--data {root}: {error}; give the scores of {PACKAGE}.") from error
    train = tuple(piece for piece in pieces.values() if _melody(piece) % 5)
    held_out = tuple(piece for piece in pieces.values() if not _melody(piece) % 5)
    if not train or not held_out:
        raise InputError(f"--data {root}: of {len(paths)} scores none are left to train on or to hold out; give more.")
    return Chorales(train[:limit]), Chorales(held_out[:limit])


def fits(piece: np.ndarray, moved: int = 0) -> bool:
    """Whether all pitches of a piece, moved by semitones, have a token."""
    pitches = piece[piece > SILENT] + moved
    return bool(len(pitches) and pitches.min() >= LOWEST and pitches.max() <= HIGHEST)


def tokens(piece: np.ndarray, moved: int = 0) -> np.ndarray:
    """Turn a piece into tokens.

    Args:
        piece: (eighths, voices).
        moved: By how many semitones.

    Returns:
        START, the piece and END in every voice, (eighths + 2, voices).
    """
    ids = np.where(piece > SILENT, piece + moved - LOWEST + FIRST, np.where(piece == HELD, HOLD, REST))
    edge = np.ones((1, len(VOICES)), np.int64)
    return np.concatenate([START * edge, ids, END * edge])


def _melody(piece: np.ndarray) -> int:
    """A number that all settings of one melody share, in whatever key."""
    soprano = piece[:, 0]
    intervals = np.diff(soprano[soprano > SILENT])[:MELODY]
    return int.from_bytes(hashlib.sha256(intervals.tobytes()).digest()[:8], "big")
