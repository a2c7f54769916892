"""Images from wherever they come, with what cannot be read or must not be decoded refused by a sentence each."""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError

from ...errors import InputError
from .arrays import from_array

# What is opened: pictures of pixels. Formats that run programs or other decoders of their own are not.
FORMATS = ("PNG", "JPEG", "GIF", "BMP", "WEBP", "TIFF", "PPM")
_MODES = {1: "L", 3: "RGB", 4: "RGBA"}
_SIXTEEN_BITS = ("I;16", "I;16L", "I;16B", "I;16N")


def read_image(source: Any, *, channels: int, max_pixels: int, data_format: str | None = None) -> Any:
    """Read one image.

    Args:
        source: A path, the bytes of a file, a PIL image, or an array or tensor (see `from_array`).
        channels: Channels that are wanted: colour becomes grey and grey colour as needed; transparency is dropped.
        max_pixels: Most pixels (height times width) that are decoded.
        data_format: For arrays, where the channels stand: "channels_last", "channels_first", or None to tell by size.

    Returns:
        A PIL image of bytes, or a float32 array (h, w, channels) of numbers from 0 to 1.

    Raises:
        InputError: If it cannot be read, is no image, is cut off, or has too many pixels.
    """
    if isinstance(source, Image.Image):
        return _decoded(source, "the PIL image", channels, max_pixels)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return _opened(io.BytesIO(bytes(source)), f"an image given as {len(source)} bytes", channels, max_pixels)
    if isinstance(source, (str, os.PathLike)):
        path = Path(source).expanduser()
        if not path.is_file():
            what = "is a folder" if path.is_dir() else "does not exist"
            raise InputError(f"the image file {str(path)!r} {what}; give the path of an image")
        try:
            with path.open("rb") as file:
                return _opened(file, f"the image file {str(path)!r}", channels, max_pixels)
        except OSError as error:
            raise InputError(f"the image file {str(path)!r} cannot be read ({error.strerror or error})") from error
    if hasattr(source, "numpy") and not isinstance(source, np.ndarray):
        source = source.numpy()
    if isinstance(source, np.ndarray):
        found = from_array(source, channels=channels, max_pixels=max_pixels, data_format=data_format)
        return found if isinstance(found, np.ndarray) else _converted(found, "the array", channels)
    raise InputError(
        f"an image is a {type(source).__name__}; give a path, the bytes of a file, a PIL image, or an array"
    )


def _opened(file: Any, name: str, channels: int, max_pixels: int) -> Image.Image:
    """Open a file or the bytes of one: only its head is read before the number of pixels is known."""
    try:
        image = Image.open(file, formats=FORMATS)
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise InputError(f"{name} has more pixels than max_pixels={max_pixels}; scale it down first") from error
    except UnidentifiedImageError as error:
        raise InputError(f"{name} is no image that can be read; known are {', '.join(FORMATS)}") from error
    except Exception as error:  # a damaged head fails with any kind of error
        raise InputError(f"{name} is damaged ({type(error).__name__}: {error}); save or fetch it again") from error
    return _decoded(image, name, channels, max_pixels)


def _decoded(image: Image.Image, name: str, channels: int, max_pixels: int) -> Image.Image:
    width, height = image.size
    if width * height > max_pixels:
        raise InputError(
            f"{name} has {height} x {width} pixels, more than max_pixels={max_pixels}; scale it down first, or raise "
            "max_pixels if you trust where it comes from"
        )
    if not width or not height:
        raise InputError(f"{name} has {height} x {width} pixels; give one with some")
    try:
        image.load()
        image = ImageOps.exif_transpose(image)  # as the camera was held
    except Exception as error:  # decoders fail with any kind of error
        raise InputError(
            f"{name} is cut off or damaged ({type(error).__name__}: {error}); save or fetch it again"
        ) from error
    return _converted(image, name, channels)


def _converted(image: Image.Image, name: str, channels: int) -> Image.Image:
    """Give the image the wanted channels, of bytes."""
    if channels not in _MODES:
        raise InputError(f"{name} cannot be turned into channels={channels}; give an array with that many channels")
    if image.mode in _SIXTEEN_BITS:
        image = Image.fromarray((np.asarray(image) >> 8).astype("uint8"))
    if image.mode in ("I", "F"):
        raise InputError(
            f"{name} has numbers of 32 bits (mode {image.mode!r}), whose range is not known; give an array of floats "
            "from 0 to 1"
        )
    return image if image.mode == _MODES[channels] else image.convert(_MODES[channels])
