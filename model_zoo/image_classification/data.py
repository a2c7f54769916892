"""Fashion-MNIST (1708.07747): 70,000 grey pictures of clothes, 28 x 28, in ten classes; 10,000 are held out."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE = "dataset-fashion-mnist"
PLACE = Path("usr/share/datasets/fashion-mnist")
LABELS = (
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
)


@dataclass(frozen=True)
class Pictures:
    """Pictures and their classes.

    Attributes:
        pixels: Bytes, (pictures, height, width).
        labels: Places in LABELS, (pictures).
    """

    pixels: np.ndarray
    labels: np.ndarray

    @property
    def digest(self) -> str:
        """Tells these pictures from any other."""
        return hashlib.sha256(self.pixels.tobytes() + self.labels.tobytes()).hexdigest()


def load(folder: str | None, limit: int | None = None) -> tuple[Pictures, Pictures]:
    """Read the pictures, divided as their makers did.

    Args:
        folder: Where the four files are; None takes those of the installed Debian package, or fetches it.
        limit: Use so many to train on, and as many held out.

    Returns:
        The pictures to train on and those held out.

    Raises:
        InputError: They cannot be fetched, or are not there, or are damaged.
    """
    if folder:
        root = Path(folder).expanduser()
    elif ("/" / PLACE).is_dir():
        root = "/" / PLACE
    else:
        root = fetch.from_debian(PACKAGE) / PLACE
    return _read(root, "train", limit), _read(root, "t10k", limit)


def _read(root: Path, side: str, limit: int | None) -> Pictures:
    pixels = _array(root / f"{side}-images-idx3-ubyte.gz", 3)
    labels = _array(root / f"{side}-labels-idx1-ubyte.gz", 1)
    if len(pixels) != len(labels) or not len(labels) or labels.max() >= len(LABELS):
        raise InputError(
            f"--data {root}: {len(pixels)} pictures and {len(labels)} labels do not fit; "
            "give the folder of Fashion-MNIST."
        )
    return Pictures(pixels[:limit], labels[:limit].astype(np.int64))


def _array(path: Path, axes: int) -> np.ndarray:
    """Read a file of bytes: four bytes that say what it is, four for each length, then the values."""
    try:
        content = gzip.decompress(path.read_bytes())
    except (OSError, EOFError) as error:
        raise InputError(f"--data: {path} cannot be read ({error}); give the folder of Fashion-MNIST.") from error
    head = 4 + 4 * axes
    shape = tuple(np.frombuffer(content[4:head], ">u4")) if len(content) >= head else ()
    if content[:4] != bytes([0, 0, 8, axes]) or len(content) - head != np.prod(shape, dtype=np.int64):
        raise InputError(f"--data: {path} is damaged, or another kind of file; give the folder of Fashion-MNIST.")
    return np.frombuffer(content, np.uint8, offset=head).reshape(shape)
