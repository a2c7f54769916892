"""Data of the recipes' formats, small and made up, so that tests need no network."""

from __future__ import annotations

import gzip
import json
import zipfile
from datetime import date, timedelta
from pathlib import Path

import numpy as np
from PIL import Image

from model_zoo.flights.data import COLUMNS as flight_columns
from model_zoo.forecasting.data import COLUMNS, HELD_OUT_FROM, STATIONS
from model_zoo.image_captioning.data import MAKERS, SIZE
from model_zoo.text_classification.data import GROUPS

SOUNDS = dict(zip("abdefgiklmnoprstuvz", "AE B D EH F G IH K L M N AA P R S T UH V Z".split(), strict=True))


def mails(folder: Path, each: int = 60) -> Path:
    """Mails whose words tell what they are; spam offers, ham discusses."""
    rng = np.random.default_rng(0)
    words = {"ham": "patch kernel list thread reply build".split(), "spam": "free offer money click winner".split()}
    for group in GROUPS:
        (folder / group).mkdir(parents=True, exist_ok=True)
        for number in range(each):
            said = " ".join(rng.choice([*words[group.split("-")[-2]], "the", "a", "of", "we"], 30))
            text = f"From: someone@{group}\nSubject: {group}\n\n{said} {group[0]}{number}\n"
            content = {"id": f"{number:05d}", "group": group, "checksum": "", "text": text}
            (folder / group / f"{number:05d}.json").write_text(json.dumps(content))
    return folder


def dictionary(folder: Path, words: int = 400) -> Path:
    """Words that are said letter by letter, and some that may be said in two ways."""
    rng = np.random.default_rng(0)
    lines = []
    for word in sorted({"".join(rng.choice(list(SOUNDS), rng.integers(2, 8))) for _ in range(words)}):
        phones = [SOUNDS[letter] for letter in word]
        stressed = [phone + "1" if phone in ("AE", "EH", "IH", "AA", "UH") else phone for phone in phones]
        lines.append(f"{word} {' '.join(stressed)}")
        if word.endswith("s"):
            lines.append(f"{word}(2) {' '.join([*stressed[:-1], 'Z'])} # as in plurals")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cmudict.dict").write_text("\n".join(lines) + "\n")
    return folder


def clothes(folder: Path) -> Path:
    """Pictures with a bright bar, at a height that tells the class."""
    rng = np.random.default_rng(0)
    folder.mkdir(parents=True, exist_ok=True)
    for side, count in (("train", 200), ("t10k", 40)):
        labels = np.arange(count, dtype=np.uint8) % 10
        pixels = rng.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for picture, label in zip(pixels, labels, strict=True):
            picture[2 * label + 4 : 2 * label + 6, 6:22] = 250
        write_idx(folder / f"{side}-images-idx3-ubyte.gz", pixels)
        write_idx(folder / f"{side}-labels-idx1-ubyte.gz", labels)
    return folder


def weather(folder: Path, days: int = 60) -> Path:
    """Days that are warm at noon, at three airports, around the day that the data is divided at."""
    rng = np.random.default_rng(0)
    first = HELD_OUT_FROM - timedelta(days=days // 2)
    rows = [",".join((*COLUMNS, "visib"))]
    for hour in range(24 * days):
        time = first + timedelta(hours=hour)
        warmth = 50 + 9 * np.sin(2 * np.pi * (time.hour - 6) / 24) + rng.normal()
        for station, name in enumerate(STATIONS):
            pressure = "NA" if hour % 7 == station else f"{1012 + rng.normal():.1f}"
            row = (
                name,
                f"{warmth + station:.2f}",
                f"{warmth - 9:.2f}",
                "270",
                "8.0",
                pressure,
                f"{time:%Y-%m-%dT%H}:00:00Z",
            )
            if hour % 97 != 5:  # some hours are missing
                rows.append(",".join((*row, "10")))
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "weather.csv").write_text("\n".join(rows) + "\n")
    return folder


def write_idx(path: Path, values: np.ndarray) -> None:
    """Write an array of bytes as MNIST's files are."""
    head = bytes([0, 0, 8, values.ndim]) + np.array(values.shape, ">u4").tobytes()
    path.write_bytes(gzip.compress(head + values.tobytes()))


def news(folder: Path, lines: int = 200) -> Path:
    """Lines of words with tags, in which people, places and organisations are named."""
    rng = np.random.default_rng(0)
    words = "今天/t 发表/v 的/u 讲话/n ，/w 人民/n 在/p 北京/ns 上海/ns 新华社/nt 江/nr@泽民/nr 布什/nr".split()
    chosen = (" ".join(rng.choice(words, 12)).replace("@", "  ") for _ in range(lines))
    (folder / "tag").mkdir(parents=True, exist_ok=True)
    (folder / "tag" / "199801.txt").write_text("\n".join(chosen) + "\n", encoding="utf-8")
    return folder


def emoji(folder: Path, count: int = 60) -> Path:
    """Squares, whose colour and place their names tell; the makers draw them of two sizes."""
    names = [f"{colour} {place}" for colour in ("RED", "GREEN", "BLUE") for place in range(count // 3)]
    listed = []
    for number, name in enumerate(names):
        emoji = {"name": name, "image": f"{number}.png", **{f"has_img_{maker}": True for maker in MAKERS}}
        listed.append(emoji)
        for maker, side in zip(MAKERS, (10, 14), strict=True):
            drawing = np.zeros([SIZE, SIZE, 4], np.uint8)
            left = 2 * (number % (count // 3))
            drawing[20 : 20 + side, left : left + side, [number // (count // 3), 3]] = 255
            place = folder / "img" / maker / str(SIZE)
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(drawing).save(place / emoji["image"])
    tones = {"1F3FB": {**listed[0], "image": "1.png"}, "1F3FB-1F3FF": {**listed[0], "image": "2.png"}}
    listed[0]["skin_variations"] = tones
    (folder / "emoji.json").write_text(json.dumps(listed))
    return folder


Bar = list[tuple[str, int]]  # notes or "rest", with their lengths in halves of a quarter


def score(path: Path, voices: list[Bar], extra: str = "") -> None:
    """Write a compressed score; `extra` stands at the end of the first voice."""
    parts = []
    for bar in voices:
        notes = []
        for name, length in bar:
            tone = "<rest/>"
            if name != "rest":
                step, alter, octave = name[0], {"#": 1, "b": -1}.get(name[1:-1], 0), name[-1]
                tone = f"<pitch><step>{step}</step><alter>{alter}</alter><octave>{octave}</octave></pitch>"
            notes.append(f"<note>{tone}<duration>{length}</duration></note>")
        parts.append("".join(notes))
    parts[0] += extra
    measure = "<measure><attributes><divisions>2</divisions></attributes>{}</measure>"
    text = "".join(f"<part>{measure.format(part)}</part>" for part in parts)
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w") as files:
        files.writestr("META-INF/container.xml", "<container/>")
        files.writestr(f"{path.stem}.musicxml", f"<score-partwise>{text}</score-partwise>")


def chorales(folder: Path, count: int = 40) -> Path:
    """Scores in which three voices follow the first."""
    rng = np.random.default_rng(0)
    for number in range(count):
        melody = [("CDEFGAB"[place] + "5", int(length)) for place, length in rng.integers((0, 1), (7, 3), (24, 2))]
        below = [[(name[0] + octave, length) for name, length in melody] for octave in "432"]
        score(folder / f"bwv{number}.mxl", [melody, *below])
    return folder


def flights(folder: Path, days: int = 60) -> Path:
    """Flights that make up time on a long way, and lose some on a short one."""
    rng = np.random.default_rng(0)
    rows = [",".join((*flight_columns, "flight"))]
    for number in range(20 * days):
        day, late, far = date(2013, 1, 1) + timedelta(days=number // 20), int(rng.integers(-5, 60)), number % 2
        arrived = "NA" if number % 50 == 0 else late + (-10 if far else 5)
        row = (day.year, day.month, day.day, 600 + 100 * (number % 12) + 30, late, arrived)
        rows.append(",".join(map(str, (*row, "UA", "EWR", "LAX" if far else "BOS", 2454 if far else 200, number))))
    folder.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(folder / "flights.csv.zip", "w") as files:
        files.writestr("flights.csv", "\n".join(rows) + "\n")
    return folder
