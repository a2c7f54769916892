"""Images that the model cannot take are refused here, by a sentence each; only shapes and types are looked at."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ...config.options import VisionOptions
from ...errors import InputError


def check_pixels(pixels: Any, options: VisionOptions, *, table: bool, interpolate: bool) -> int:
    """Refuse what is not a batch of images that patches fill; return the number of patches of an image.

    Args:
        pixels: The images, (b, c, h, w).
        options: The fields of images.
        table: Whether there is a table of positions, which holds for one size of images.
        interpolate: Whether that table may be interpolated.

    Raises:
        InputError: If the type, the channels or the size is wrong.
    """
    if not hasattr(pixels, "is_floating_point"):
        raise InputError(
            f"pixel_values is a {type(pixels).__name__}; give a tensor (batch, channels, height, width), as "
            "XImageProcessor makes it of files, bytes, PIL images and arrays"
        )
    shape, c, size = list(pixels.shape), options.channels, options.patch_size
    if not pixels.is_floating_point():
        raise InputError(
            f"pixel_values has dtype {pixels.dtype}; give floating point numbers, as XImageProcessor makes them of "
            "bytes (scaled and normalised)"
        )
    if len(shape) != 4 or shape[1] != c:
        raise InputError(f"pixel_values has shape {shape}; give (batch, channels={c}, height, width)")
    height, width = shape[2:]
    if -1 in (height, width):
        raise InputError(
            f"pixel_values has shape {shape} in this graph; height and width must be known when it is traced, only the "
            "batch may stay open"
        )
    if height % size or width % size or not height or not width:
        raise InputError(
            f"pixel_values has images of {height} x {width} pixels, which patch_size={size} does not divide; resize "
            "them to multiples of it"
        )
    if table and not interpolate and (height, width) != options.image_shape:
        raise InputError(
            f"pixel_values has images of {height} x {width} pixels, but the positions are those of "
            f"image_size={options.image_size}; resize the images, or pass interpolate_pos_encoding=True"
        )
    return (height // size) * (width // size)


def check_hidden_patches(mask: Tensor | None, b: int, n: int, *, mask_token: bool) -> Tensor | None:
    """Refuse a mask that does not say for each patch whether it is hidden; return it as booleans.

    Args:
        mask: bool_masked_pos, (b, n), or None.
        b: Batch size; -1: open.
        n: Number of patches.
        mask_token: Whether the model has a vector for hidden patches.

    Raises:
        InputError: If the shape or type is wrong, or the model cannot hide patches.
    """
    if mask is None:
        return None
    if not mask_token:
        raise InputError(
            "bool_masked_pos needs a mask token, which this model has not; use XViTForMaskedImageModeling, or build "
            "XViTModel(config, mask_token=True)"
        )
    if mask.is_floating_point() or list(mask.shape) != [b, n]:
        raise InputError(
            f"bool_masked_pos has shape {list(mask.shape)} and dtype {mask.dtype}; give ({b}, {n}), bool or int: true "
            "where a patch is hidden"
        )
    return mask if mask.dtype == paddle.bool else mask > 0
