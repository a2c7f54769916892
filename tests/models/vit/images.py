"""Small image models and images for the tests of the family."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle

from paddle_xformers import XViTConfig, XViTForImageClassification

SMALL = {
    "image_size": 8,
    "patch_size": 4,
    "dim": 32,
    "depth": 2,
    "heads": 4,
    "attn_dim_head": 8,
    "num_classes": 5,
}


def build(model: Any = XViTForImageClassification, *, seed: int = 0, **fields: Any) -> Any:
    """A small model in eval mode, with every parameter drawn anew."""
    made = model(XViTConfig(**{**SMALL, **fields}))
    rng = np.random.default_rng(seed)
    for name, parameter in made.named_parameters():
        noise = rng.normal(0, 0.2, parameter.shape).astype("float32")
        parameter.set_value(paddle.to_tensor(noise + (1.0 if name.endswith("norm.weight") else 0.0)))
    made.eval()
    return made


def images(b: int = 2, height: int = 8, width: int | None = None, channels: int = 3, seed: int = 1) -> paddle.Tensor:
    shape = [b, channels, height, width or height]
    return paddle.to_tensor(np.random.default_rng(seed).normal(size=shape).astype("float32"))
