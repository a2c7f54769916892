"""The model of the old Paddle port (2010.11929), written out in NumPy with double precision.

A class token in front, positions for it and the patches, patches without norms, biased norms and output projections,
and a feed-forward head on the class token.
"""

from __future__ import annotations

import math

import numpy as np
import paddle
import pytest

from .images import build, images

FIELDS = {
    "pooling": "cls",
    "patch_norm": False,
    "vit_head": "mlp",
    "norm_bias": True,
    "attn_out_bias": True,
    "dropout": 0.1,
}
HEADS, WIDTH, PATCH = 4, 8, 4

erf = np.vectorize(math.erf)


def gelu(x):
    return x * 0.5 * (1 + erf(x / math.sqrt(2)))


def norm(x, weights, name):
    centred = x - x.mean(-1, keepdims=True)
    scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)
    return scaled * weights[name + ".weight"] + weights[name + ".bias"]


def linear(x, weights, name):
    return x @ weights[name + ".weight"] + weights.get(name + ".bias", 0.0)


def attention(x, weights, name):
    """One image, (n, d)."""
    n = len(x)
    q, k, v = (
        linear(x, weights, f"{name}.{part}_proj").reshape(n, HEADS, WIDTH).transpose(1, 0, 2)
        for part in ("q", "k", "v")
    )
    scores = q @ k.transpose(0, 2, 1) / math.sqrt(WIDTH)
    scores = np.exp(scores - scores.max(-1, keepdims=True))
    merged = (scores / scores.sum(-1, keepdims=True) @ v).transpose(1, 0, 2).reshape(n, -1)
    return linear(merged, weights, f"{name}.o_proj")


def feedforward(x, weights, name):
    return linear(gelu(linear(x, weights, f"{name}.up_proj")), weights, f"{name}.down_proj")


def cut(image):
    """Patches of one image, (c, h, w): the numbers of a patch by row, column, channel."""
    rows, columns = image.shape[1] // PATCH, image.shape[2] // PATCH
    return np.array(
        [
            [image[c, y * PATCH + i, x * PATCH + j] for i in range(PATCH) for j in range(PATCH) for c in range(3)]
            for y in range(rows)
            for x in range(columns)
        ]
    )


def reference(weights, image):
    """Last hidden state and logits of one image."""
    patches = linear(cut(image), weights, "xvit.embeddings.proj")
    x = np.concatenate([weights["xvit.embeddings.cls_token"], patches])
    x = x + weights["xvit.embeddings.position_embeddings.weight"]
    for index in range(4):
        name = f"xvit.stack.layers.{index}"
        normed = norm(x, weights, f"{name}.pre_norm")
        x = x + (
            feedforward(normed, weights, f"{name}.ff") if index % 2 else attention(normed, weights, f"{name}.attn")
        )
    x = norm(x, weights, "xvit.stack.final_norm")
    return x, feedforward(x[0], weights, "classifier")


@pytest.mark.parametrize("size", [8, (12, 4)], ids=["square", "oblong"])
def test_the_numbers(size):
    model = build(**FIELDS, image_size=size)
    height, width = (size, size) if isinstance(size, int) else size
    given = images(height=height, width=width)
    weights = {name: value.numpy().astype("float64") for name, value in model.state_dict().items()}
    hidden = model.xvit(given)[0].numpy()
    logits = model(given).numpy()
    for row, image in enumerate(given.numpy().astype("float64")):
        states, classes = reference(weights, image)
        np.testing.assert_allclose(hidden[row], states, atol=1e-5)
        np.testing.assert_allclose(logits[row], classes, atol=1e-5)


def test_its_keyword_sets_the_dropout_of_the_head():
    model = build(**FIELDS)
    assert model.config.classifier_dropout == 0.1
    assert model.classifier.dropout.p == 0.1
    assert model.classifier.up_proj.weight.shape == [32, 128]


def test_initial_values():
    """Class token and positions have standard deviation 1."""
    from paddle_xformers import XViTConfig, XViTModel

    paddle.seed(1)
    model = XViTModel(XViTConfig(image_size=64, patch_size=4, dim=64, depth=1, **FIELDS))
    assert model.embeddings.position_embeddings.weight.shape == [257, 64]
    assert abs(float(model.embeddings.position_embeddings.weight.std()) - 1) < 0.03
    assert 0.7 < float(model.embeddings.cls_token.std()) < 1.3
