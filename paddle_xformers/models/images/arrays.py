"""Images given as arrays: where their channels stand, and what their numbers mean."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ...errors import InputError

_KNOWN = (1, 3, 4)  # grey, colour, colour with transparency
_LUMA = np.array([0.299, 0.587, 0.114], dtype="float32")  # ITU-R 601, as Pillow


def from_array(array: np.ndarray, *, channels: int, max_pixels: int, data_format: str | None = None) -> Any:
    """Turn an array into an image.

    Args:
        array: (h, w), (h, w, c) or (c, h, w): uint8 from 0 to 255, or floats from 0 to 1.
        channels: Channels that are wanted.
        max_pixels: Most pixels that are taken.
        data_format: "channels_last", "channels_first", or None to tell by size.

    Returns:
        For bytes that Pillow has a mode for a PIL image of whatever channels, else a float32 array (h, w, channels).

    Raises:
        InputError: If shape, type or numbers are not those of an image.
    """
    shape = list(array.shape)
    if array.ndim == 2:
        array = array[:, :, None]
    elif array.ndim != 3:
        raise InputError(f"an image array has shape {shape}; give (h, w), (h, w, channels) or (channels, h, w)")
    elif _channels_first(shape, channels, data_format):
        array = array.transpose(1, 2, 0)
    height, width, count = array.shape
    if count not in (channels, *_KNOWN) or not height or not width:
        raise InputError(f"an image array has shape {shape}; give pixels of {channels} channels, or of 1, 3 or 4")
    if height * width > max_pixels:
        raise InputError(f"an image array has {height} x {width} pixels, more than max_pixels={max_pixels}")
    if array.dtype == np.uint8:
        if count in _KNOWN and channels in _KNOWN:
            return Image.fromarray(np.ascontiguousarray(array[:, :, 0] if count == 1 else array))
        array = array.astype("float32") / 255
    elif array.dtype.kind != "f":
        raise InputError(f"an image array has dtype {array.dtype}; give uint8 from 0 to 255, or floats from 0 to 1")
    return _with_channels(_checked(array.astype("float32")), channels)


def _channels_first(shape: list[int], channels: int, data_format: str | None) -> bool:
    """Tell whether the channels stand first."""
    if data_format is not None:
        return data_format == "channels_first"
    known = (channels, *_KNOWN)
    first, last = shape[0] in known, shape[2] in known
    if first and last and shape[0] != shape[2]:
        first, last = shape[0] == channels, shape[2] == channels
    if first and last:
        raise InputError(
            f"an image array has shape {shape}, in which the channels may stand first or last; pass "
            "data_format='channels_first' or 'channels_last'"
        )
    return first


def _checked(array: np.ndarray) -> np.ndarray:
    low, high = float(array.min()), float(array.max())
    if not (low >= -1e-3 and high <= 1 + 1e-3):  # also refuses what is not a number
        raise InputError(
            f"an image array of floats goes from {low:g} to {high:g}; floats stand for 0 to 1: divide bytes by 255 or "
            "give them as uint8, and leave normalising to the processor"
        )
    return array.clip(0, 1)


def _with_channels(array: np.ndarray, channels: int) -> np.ndarray:
    """Give (h, w, c) the wanted channels."""
    if array.shape[2] == 4 and channels in (1, 3):
        array = array[:, :, :3]  # without its transparency
    count = array.shape[2]
    if count == channels:
        return array
    if count == 1:
        return array.repeat(channels, axis=2)
    if count == 3 and channels == 1:
        return (array @ _LUMA)[:, :, None]
    raise InputError(f"an image array has {count} channels, which cannot be turned into channels={channels}")
