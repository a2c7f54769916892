"""Which patches masked image modelling hides (SimMIM, 2111.09886, section 3.2)."""

from __future__ import annotations

import math
from typing import Any, cast

import numpy as np
import paddle
from paddle import Tensor

from ...config.options import VisionOptions
from ...errors import InputError
from .configuration import XViTConfig


def random_patch_mask(
    config: XViTConfig, batch_size: int, *, ratio: float = 0.6, block: int = 1, seed: int | None = None
) -> Tensor:
    """Hide squares of patches at random, as many in every image.

    Args:
        config: The configuration of the model; its `image_size` and `patch_size` say how many patches there are.
        batch_size: Number of images.
        ratio: Share of the squares that are hidden, above 0 and at most 1; at least one is.
        block: Patches along each side of a square; squares at the edges may be cut off.
        seed: For the same mask again; None: numpy's global random numbers.

    Returns:
        (b, n), boolean: `bool_masked_pos`.

    Raises:
        InputError: If a number is out of bounds.
    """
    if not 0 < ratio <= 1:
        raise InputError(f"ratio={ratio} is not allowed; give the share of hidden squares, above 0 and at most 1")
    if block < 1 or batch_size < 1:
        raise InputError(f"block={block} and batch_size={batch_size} must both be at least 1")
    rows, columns = cast(VisionOptions, config.stack_options().vision).grid
    squares = math.ceil(rows / block), math.ceil(columns / block)
    count = max(1, round(ratio * squares[0] * squares[1]))
    draw: Any = np.random if seed is None else np.random.default_rng(seed)
    masks = np.zeros([batch_size, squares[0] * squares[1]], dtype=bool)
    for mask in masks:
        mask[draw.permutation(mask.size)[:count]] = True
    masks = masks.reshape([batch_size, *squares]).repeat(block, axis=1).repeat(block, axis=2)
    return paddle.to_tensor(masks[:, :rows, :columns].reshape([batch_size, -1]))
