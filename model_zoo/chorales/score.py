"""Reading a score in MusicXML: what each voice of a chorale does, eighth by eighth."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

VOICES = ("soprano", "alto", "tenor", "bass")
HELD, SILENT = -1, 0  # in place of a pitch: the note before goes on; nothing sounds
STEPS = 2  # a quarter
_TONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}


def read(path: Path) -> np.ndarray | None:
    """Read a chorale.

    Args:
        path: A compressed score (.mxl).

    Returns:
        The MIDI number of the pitch that each voice begins at each eighth, `HELD` or `SILENT`, (eighths, voices); None
        if the score is not of four voices of one note at a time, all as long.

    Raises:
        ValueError: It is no score.
    """
    try:
        with zipfile.ZipFile(path) as files:
            names = [name for name in files.namelist() if name.endswith("xml") and not name.startswith("META-INF")]
            root = ElementTree.fromstring(files.read(names[0]))
        voices = [list(_notes(part)) for part in root.findall("part")]
    except (zipfile.BadZipFile, IndexError, KeyError, AttributeError, ElementTree.ParseError) as error:
        raise ValueError(f"{path.name} is no compressed MusicXML ({error!r})") from error
    ends = {notes[-1][0] + notes[-1][1] for notes in voices if notes}
    if len(voices) != len(VOICES) or len(ends) != 1 or any(len(notes) != len(set(notes)) for notes in voices):
        return None
    if any(start < 0 for notes in voices for start, *_ in notes):
        return None
    return np.stack([_steps(notes, round(ends.copy().pop() * STEPS)) for notes in voices], axis=1)


Note = tuple[float, float, int, bool]  # start and length in quarters, pitch, whether it goes on from the note before


def _notes(part: ElementTree.Element) -> Iterator[Note]:
    """The notes of a voice; a start below 0 marks what one voice cannot do: chords, and voices within it."""
    divisions, now = 1, 0.0
    for event in (event for measure in part.findall("measure") for event in measure):
        if event.tag == "attributes":
            divisions = int(event.findtext("divisions") or divisions)
        if event.tag in ("backup", "forward") or (event.tag == "note" and event.find("chord") is not None):
            yield -1.0, 0.0, SILENT, False
        if event.tag != "note" or event.find("grace") is not None or event.find("chord") is not None:
            continue
        length = int(event.findtext("duration") or 0) / divisions
        tied = any(tie.get("type") == "stop" for tie in event.findall("tie"))
        yield now, length, _pitch(event.find("pitch")), tied
        now += length


def _pitch(element: ElementTree.Element | None) -> int:
    if element is None:
        return SILENT
    octave, alter = int(element.findtext("octave") or 0), float(element.findtext("alter") or 0)
    return 12 * (octave + 1) + _TONES[element.findtext("step") or ""] + int(alter)


def _steps(notes: list[Note], count: int) -> np.ndarray:
    """What begins at each step; what begins between two steps counts at the second, if it still sounds there."""
    steps = np.full(count, SILENT, np.int64)
    for start, length, pitch, tied in notes:
        first, last = -int(-start * STEPS // 1), -int(-(start + length) * STEPS // 1)
        if last > first:
            steps[first:last] = HELD if pitch != SILENT else SILENT
            steps[first] = HELD if tied and first else pitch
    return steps
