"""Polar positions against the formula of their paper, in float64."""

from __future__ import annotations

import numpy as np
import paddle

from paddle_xformers.config.options import PositionOptions
from paddle_xformers.nn.positions.polar import Polar

from ..contracts.cases import build, logits, tokens

DRAW = np.random.default_rng(11)


def test_products_are_those_of_points_in_the_plane():
    polar = Polar(3, 4, PositionOptions(polar_pos_emb=True))
    bias = DRAW.uniform(-9, 3, size=(3, 1, 4))
    polar.bias.set_value(bias.astype("float32"))
    q, k = DRAW.normal(size=(3, 5, 4)), DRAW.normal(size=(1, 6, 4))  # heads share the keys
    at_q, at_k = np.arange(7, 12), np.arange(3, 9)
    rates = 10000.0 ** (-np.arange(4) / 4)
    lengths = [np.log1p(np.exp(part)) for part in (q, k)]
    far = (at_q[:, None, None] - at_k[None, :, None]) * rates - np.clip(bias, -2 * np.pi, 0)[:, None]  # (h, n, m, w)
    expected = (lengths[0][:, :, None] * lengths[1][:, None] * np.cos(far)).sum(-1)
    found = []
    for part, places, of_keys in ((q, at_q, False), (k, at_k, True)):
        given = paddle.to_tensor(part[None].astype("float32"))
        angles = polar.angles(paddle.to_tensor(places[None]), batch=1, heads=3, dtype="float32", of_keys=of_keys)
        points = polar.turn(given, angles)
        swapped = polar.turn(given.transpose([0, 1, 3, 2]), angles.as_feature_major)
        np.testing.assert_allclose(swapped.transpose([0, 1, 3, 2]).numpy(), points.numpy(), atol=1e-6)
        found.append(points)
    products = paddle.matmul(found[0], found[1], transpose_y=True).numpy()[0]
    np.testing.assert_allclose(products, expected, atol=2e-5)


def test_the_angle_learns_from_where_it_starts():
    polar = Polar(2, 3, PositionOptions(polar_pos_emb=True))
    start = paddle.to_tensor([[[0.0, -1.0, 0.5]], [[-2 * np.pi, -9.0, -3.0]]])
    polar.bias.set_value(start)
    angles = polar.angles(paddle.arange(4).unsqueeze(0), batch=1, heads=2, dtype="float32")
    angles.sin.sum().backward()
    learns = polar.bias.grad.numpy()[:, 0] != 0
    np.testing.assert_array_equal(learns, [[True, True, False], [True, False, True]])


def test_only_distances_count():
    model = build({"polar_pos_emb": True, "polar_bias_uniform_init": True})
    ids = tokens(n=9)
    first = logits(model, ids)
    np.testing.assert_allclose(logits(model, ids, position_ids=paddle.arange(9).unsqueeze(0) + 40), first, atol=2e-5)
    assert np.abs(logits(model, ids, position_ids=2 * paddle.arange(9).unsqueeze(0)) - first).max() > 1e-3
