"""What the tests of the models share, beside the small models of the contracts."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from paddle import nn

from paddle_xformers import XDecoderForCausalLM

CONTENT = ("config.json", "generation_config.json")
SAFE = ("model.safetensors",)


def weights(model: nn.Layer) -> dict[str, np.ndarray]:
    return {name: value.numpy() for name, value in model.state_dict().items()}


def assert_same_weights(found: nn.Layer, expected: nn.Layer) -> None:
    ours, theirs = weights(found), weights(expected)
    assert ours.keys() == theirs.keys()
    for name, value in theirs.items():
        np.testing.assert_array_equal(ours[name], value, err_msg=name)


def load(folder: str | os.PathLike[str], **kwargs: Any) -> XDecoderForCausalLM:
    model = XDecoderForCausalLM.from_pretrained(folder, **kwargs)
    model.eval()
    return model


def content(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes, hidden ones too."""
    return {str(path.relative_to(folder)): path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}
