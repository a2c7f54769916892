"""Pictures for the tests, as arrays and as the bytes of files."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import numpy as np
from PIL import Image


def pixels(height: int = 12, width: int = 20, channels: int = 3, seed: int = 0) -> np.ndarray:
    """Random bytes, (h, w, c)."""
    return np.random.default_rng(seed).integers(0, 256, (height, width, channels), dtype="uint8")


def encoded(image: Any, kind: str = "PNG", **options: Any) -> bytes:
    """The bytes of a file."""
    if isinstance(image, np.ndarray):
        image = Image.fromarray(image)
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def bomb(height: int, width: int) -> bytes:
    """A PNG file of a few bytes that claims a huge picture."""

    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    rows = zlib.compress(b"\0" * 1000)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
