"""Images to one size: stretched, or the largest piece from their middle."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from ...errors import InputError

RESAMPLING = {
    "nearest": Image.Resampling.NEAREST,
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "lanczos": Image.Resampling.LANCZOS,
}
_Box = tuple[float, float, float, float]


def resized(image: Any, size: tuple[int, int], resample: str, *, crop: bool) -> Any:
    """Give an image a size.

    Args:
        image: A PIL image, or a float32 array (h, w, c).
        size: Height and width.
        resample: Name in RESAMPLING.
        crop: Keep the shape of things: take the largest piece of the wanted proportions from the middle. It is cut out
            before it is resized, so that no picture, however long, becomes larger than the result.
    """
    height, width = image.shape[:2] if isinstance(image, np.ndarray) else image.size[::-1]
    box = _middle(height, width, *size) if crop else (0.0, 0.0, float(width), float(height))
    if isinstance(image, Image.Image):
        return image.resize(size[::-1], RESAMPLING[resample], box=box)
    planes = [Image.fromarray(image[:, :, channel]) for channel in range(image.shape[2])]
    fitted = [np.asarray(plane.resize(size[::-1], RESAMPLING[resample], box=box)) for plane in planes]
    return np.stack(fitted, axis=2).clip(0, 1)


def _middle(height: int, width: int, wanted_height: int, wanted_width: int) -> _Box:
    """Left, top, right and bottom of the largest piece with the wanted proportions."""
    scale = min(height / wanted_height, width / wanted_width)
    tall, wide = wanted_height * scale, wanted_width * scale
    left, top = (width - wide) / 2, (height - tall) / 2
    return left, top, min(left + wide, width), min(top + tall, height)


def centre_cropped(image: Any, size: tuple[int, int]) -> Any:
    """Cut a piece of some size out of the middle of an image, pixel by pixel.

    Args:
        image: A PIL image, or an array (h, w, c).
        size: Height and width.

    Raises:
        InputError: If the image is smaller.
    """
    height, width = image.shape[:2] if isinstance(image, np.ndarray) else image.size[::-1]
    if height < size[0] or width < size[1]:
        raise InputError(
            f"an image of {height} x {width} pixels is smaller than the size={list(size)} to cut out of it; set "
            "do_resize=True"
        )
    top, left = (height - size[0]) // 2, (width - size[1]) // 2
    if isinstance(image, Image.Image):
        return image.crop((left, top, left + size[1], top + size[0]))
    return image[top : top + size[0], left : left + size[1]]
