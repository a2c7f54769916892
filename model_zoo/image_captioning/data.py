"""Emoji as two makers draw them, what each shows in words, and which drawings are held out."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE, VERSION = "emoji-datasource", "16.0.0"
MAKERS = ("google", "twitter")
SIZE = 64  # pixels
HELD_OUT = 10  # of so many emoji one has one of its drawings held out
TONES = {"1F3FB": "light", "1F3FC": "medium-light", "1F3FD": "medium", "1F3FE": "medium-dark", "1F3FF": "dark"}


@dataclass(frozen=True)
class Drawings:
    """Pictures and what they show.

    Attributes:
        pixels: Bytes, (pictures, height, width, 4): red, green, blue, and how opaque.
        captions: What each shows.
    """

    pixels: np.ndarray
    captions: list[str]

    @property
    def digest(self) -> str:
        """Tells these pictures from any other."""
        return hashlib.sha256(self.pixels.tobytes() + json.dumps(self.captions).encode()).hexdigest()


def load(folder: str | None, limit: int | None = None) -> tuple[Drawings, Drawings]:
    """Read the pictures and divide them.

    What is held out is always one maker's drawing of an emoji whose other drawing is there to learn from. The digest of
    the caption decides of which emoji, and whose drawing.

    Args:
        folder: Where emoji.json and img/MAKER/64 of all makers are; None fetches them.
        limit: Use so many emoji only.

    Returns:
        The drawings to train on and those held out.

    Raises:
        InputError: They cannot be fetched, or are not there, or are damaged.
    """
    roots = {
        maker: Path(folder).expanduser() if folder else fetch.from_npm(f"{PACKAGE}-{maker}", VERSION)
        for maker in MAKERS
    }
    files = _files(roots[MAKERS[0]] / "emoji.json")
    train: list[tuple[Path, str]] = []
    held_out: list[tuple[Path, str]] = []
    for caption in sorted(files, key=_rank)[:limit]:
        rank = _rank(caption)
        left_out = MAKERS[rank // HELD_OUT % len(MAKERS)] if rank % HELD_OUT == 0 else None
        for maker in MAKERS:
            side = held_out if maker == left_out else train
            side.append((roots[maker] / "img" / maker / str(SIZE) / files[caption], caption))
    if not (train and held_out):
        raise InputError(f"--data {folder}: emoji.json has only {len(files)} emoji; give the whole package.")
    return _drawings(train), _drawings(held_out)


def _files(path: Path) -> dict[str, str]:
    """Captions and names of files; of equal captions the first has the file."""
    files: dict[str, str] = {}
    try:
        for emoji in json.loads(path.read_text(encoding="utf-8")):
            if all(emoji[f"has_img_{maker}"] for maker in MAKERS):
                caption = emoji["name"].lower()
                files.setdefault(caption, emoji["image"])
                for tones, other in emoji.get("skin_variations", {}).items():
                    if all(other[f"has_img_{maker}"] for maker in MAKERS):
                        files.setdefault(f"{caption}, {_skin(tones)}", other["image"])
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"--data: {path} is no list of this package ({error!r}); give the folder that holds emoji.json and img."
        ) from error
    return files


def _skin(tones: str) -> str:
    """The skin of one person, "1F3FB", or of two, "1F3FB-1F3FD", in words."""
    return " and ".join(f"{TONES[tone]} skin" for tone in tones.split("-"))


def _drawings(items: list[tuple[Path, str]]) -> Drawings:
    return Drawings(np.stack([_pixels(path) for path, _ in items]), [caption for _, caption in items])


def _pixels(path: Path) -> np.ndarray:
    try:
        with Image.open(path) as image:
            found: Any = np.asarray(image.convert("RGBA"))
    except (OSError, ValueError, SyntaxError) as error:  # Pillow has all of them for damaged files
        raise InputError(f"--data: {path} cannot be read ({error}); fetch it again, or give --data FOLDER.") from error
    if found.shape != (SIZE, SIZE, 4):
        raise InputError(f"--data: {path} has {found.shape[0]} x {found.shape[1]} pixels, and not {SIZE} x {SIZE}.")
    return found


def _rank(caption: str) -> int:
    """A number that depends on nothing but the caption, and is spread evenly."""
    return int.from_bytes(hashlib.sha256(caption.encode()).digest()[:8], "big")
