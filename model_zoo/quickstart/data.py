"""From a file, a folder or Python's standard library to bytes to train on and bytes held out."""

from __future__ import annotations

import hashlib
import os
import sysconfig
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from paddle_xformers.errors import InputError

HELD_OUT = 10  # one file of so many is held out
FEW_FILES = 20  # below, files are cut into pieces first, so that both sides get some
PIECE_BYTES = 8192
MAX_BYTES = 64 << 20  # of a large folder so much is read: more than any run of minutes can see
# Tests outweigh the library itself three times, and much of them is tables.
_SKIPPED_FOLDERS = {"site-packages", "test", "tests", "idle_test", "lib2to3", "__pycache__"}


@dataclass(frozen=True)
class Text:
    """One file, or one piece of a file.

    Attributes:
        name: Its path below the folder, with "/" between; for a piece followed by its digest.
        content: Its bytes.
    """

    name: str
    content: bytes

    @property
    def rank(self) -> int:
        """A number that depends on nothing but the name, and is spread evenly."""
        return int.from_bytes(hashlib.sha256(self.name.encode()).digest()[:8], "big")


@dataclass(frozen=True)
class Corpus:
    """What is trained on and what is not.

    Attributes:
        source: Where it came from, in words.
        unit: What was divided between the two sides: "files" or "pieces".
        train: Texts to train on.
        held_out: Texts that training never sees.
    """

    source: str
    unit: str
    train: tuple[Text, ...]
    held_out: tuple[Text, ...]

    @property
    def train_bytes(self) -> int:
        """Number of bytes to train on."""
        return sum(len(text.content) for text in self.train)

    @property
    def held_out_bytes(self) -> int:
        """Number of bytes held out."""
        return sum(len(text.content) for text in self.held_out)

    @property
    def digest(self) -> str:
        """Tells this corpus from any other, to refuse going on with another text."""
        whole = hashlib.sha256()
        for text in self.train + self.held_out:
            whole.update(text.name.encode() + b"\0" + text.content)
        return whole.hexdigest()


def load(path: str | None, window: int, limit: int = MAX_BYTES) -> Corpus:
    """Read the texts and divide them.

    Files are divided, not places in one long text, and a file's side depends on nothing but its path: another machine,
    or another day, divides alike. Of files with equal content only one is kept, for a copy of a training text is not
    unseen. A single file (or a few) is cut into pieces at ends of lines, whose side depends on their content.

    Args:
        path: A file or folder; None is the standard library of the running Python, without its tests.
        window: Length of a training window in bytes; the text must hold a few on either side.
        limit: Read no more bytes than that.

    Returns:
        The texts, in an order that does not depend on the file system.

    Raises:
        InputError: There is no text there, or too little.
    """
    if path is None:
        root = Path(sysconfig.get_paths()["stdlib"])
        version = sysconfig.get_python_version()
        source = f"Python {version}'s standard library"
        texts = _distinct(_read_folder(root, _SKIPPED_FOLDERS, ".py"), limit)
    else:
        root = Path(path).expanduser()
        source = str(path)
        texts = _distinct(_read(root), limit)
    if not texts:
        raise InputError(f"--text {source}: no readable text in it (UTF-8 with at least one character); give another.")
    unit = "files"
    if len(texts) < FEW_FILES:
        unit = "pieces"
        texts = _distinct((piece for text in texts for piece in _pieces(text)), limit)
    texts = sorted(texts, key=lambda text: text.rank)
    held_out = tuple(text for text in texts if text.rank % HELD_OUT == 0)
    corpus = Corpus(source, unit, tuple(text for text in texts if text.rank % HELD_OUT), held_out)
    least = 4 * window
    if corpus.held_out_bytes < least or corpus.train_bytes < 4 * least:
        raise InputError(
            f"--text {source}: {corpus.train_bytes} bytes to train on and {corpus.held_out_bytes} held out are too "
            f"few; {4 * least} and {least} are needed (about {20 * least} in all): give a longer text."
        )
    return corpus


def _read(path: Path) -> Iterator[Text]:
    if path.is_dir():
        return _read_folder(path, set(), "")
    if not path.exists():
        raise InputError(f"--text {path}: there is no such file or folder; give one that exists.")
    content = _content(path)
    if content is None:
        raise InputError(f"--text {path}: this is no text (not UTF-8, or unreadable); give a text file or a folder.")
    if not content:
        raise InputError(f"--text {path}: the file is empty; give one with text in it.")
    return iter([Text(path.name, content)])


def _read_folder(root: Path, skipped: set[str], ending: str) -> Iterator[Text]:
    """Yield the text files below a folder; hidden ones, and what is no text, are left out."""
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name not in skipped)
        for name in sorted(names):
            path = Path(folder) / name
            if name.startswith(".") or not name.endswith(ending) or not path.is_file():
                continue
            content = _content(path)
            if content:
                yield Text(path.relative_to(root).as_posix(), content)


def _content(path: Path) -> bytes | None:
    """Read a file; None if it is unreadable, or no text."""
    try:
        content = path.read_bytes()
        content.decode("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
    return None if b"\0" in content else content


def _pieces(text: Text) -> Iterator[Text]:
    """Cut a text at ends of lines into pieces of about PIECE_BYTES, or less for a short text."""
    size = max(256, min(PIECE_BYTES, len(text.content) // 40))
    start = 0
    while start < len(text.content):
        end = text.content.find(b"\n", start + size) + 1
        if end == 0 or end > start + 2 * size:  # no line ends there
            end = start + size
        piece = text.content[start:end]
        yield Text(f"{text.name}/{hashlib.sha256(piece).hexdigest()}", piece)
        start = end


def _distinct(texts: Iterator[Text], limit: int) -> list[Text]:
    """Keep the first of equal contents, up to `limit` bytes."""
    kept: dict[bytes, Text] = {}
    size = 0
    for text in texts:
        digest = hashlib.sha256(text.content).digest()
        if digest not in kept:
            if size + len(text.content) > limit:
                break
            kept[digest] = text
            size += len(text.content)
    return list(kept.values())


def first_bytes(texts: tuple[Text, ...], limit: int) -> tuple[Text, ...]:
    """Take whole texts, and of the last one the beginning, until they hold `limit` bytes."""
    taken: list[Text] = []
    for text in texts:
        if limit <= 0:
            break
        taken.append(Text(text.name, text.content[:limit]))
        limit -= len(text.content)
    return tuple(taken)


def as_stream(texts: tuple[Text, ...], tokenizer) -> np.ndarray:
    """Put texts one after the other, as ids, with the end token before, between and after them."""
    end = np.array([tokenizer.eos_token_id], dtype=np.int64)
    parts = [end]
    for text in texts:
        parts += [tokenizer.encode_bytes_array(text.content), end]
    return np.concatenate(parts)


class Windows:
    """A map-style dataset of consecutive windows; neighbours share one id, so that every id is predicted once.

    Args:
        stream: Ids, (n,).
        length: Length of a window.
    """

    def __init__(self, stream: np.ndarray, length: int) -> None:
        self.stream = stream.astype(np.int64)
        self.length = length

    def __len__(self) -> int:
        return (len(self.stream) - 1) // (self.length - 1)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        start = index * (self.length - 1)
        ids = self.stream[start : start + self.length]
        return {"input_ids": ids, "labels": ids}  # the model shifts the labels itself
