"""The image encoder, on its classifier."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XViTConfig, XViTForImageClassification, XViTForMaskedImageModeling

from .subject import SMALL, Inputs, Subject, context

SIZES = {
    **{name: SMALL[name] for name in ("dim", "depth", "heads", "attn_dim_head")},
    "image_size": 8,
    "patch_size": 4,
    "num_labels": 3,
}


def inputs(model: Any, b: int, n: int) -> Inputs:
    config = model.config
    height, width = config.stack_options().vision.image_shape
    pixels = np.random.default_rng(3).normal(size=(b, config.channels, height, width)).astype("float32")
    return {"pixel_values": paddle.to_tensor(pixels), **context(model, b)}


def label(given: Inputs) -> Inputs:
    return {"labels": paddle.arange(given["pixel_values"].shape[0]) % 3}


def with_hidden_patches(model: Any, b: int, n: int) -> Inputs:
    rows, columns = model.config.stack_options().vision.grid
    hidden = (paddle.arange(b * rows * columns) % 3 == 0).astype("int64").reshape([b, rows * columns])
    return {**inputs(model, b, n), "bool_masked_pos": hidden}


def nothing_more(given: Inputs) -> Inputs:
    """The hidden patches are the labels, and an input."""
    return {}


SUBJECTS = (
    Subject(
        "xvit",
        XViTConfig,
        XViTForImageClassification,
        inputs,
        label,
        small=SIZES,
        places=4,
        padded=("pixel_values",),
        mask=None,
        per_token=False,
    ),
    Subject(
        "xvit-masked",
        XViTConfig,
        XViTForMaskedImageModeling,
        with_hidden_patches,
        nothing_more,
        result="reconstruction",
        small=SIZES,
        places=4,
        padded=("pixel_values",),
        mask=None,
        per_token=False,
        own=(),
        only_with_head=("embeddings.mask_token",),
    ),
)
