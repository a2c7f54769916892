"""From scores to weights, against definitions."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.nn.attention.masks import MASKED
from paddle_xformers.nn.attention.normalizers import entmax15


def by_bisection(scores: np.ndarray) -> np.ndarray:
    """1.5-entmax from its definition: the threshold at which max(s / 2 - t, 0) ** 2 sums to 1, found by halving."""
    half = scores / 2
    low, high = half.max(-1, keepdims=True) - 1, half.max(-1, keepdims=True)
    for _ in range(80):
        middle = (low + high) / 2
        too_much = (np.maximum(half - middle, 0) ** 2).sum(-1, keepdims=True) > 1
        low, high = np.where(too_much, middle, low), np.where(too_much, high, middle)
    return np.maximum(half - low, 0) ** 2


@pytest.mark.parametrize("m", [1, 2, 5, 40])
@pytest.mark.parametrize("spread", [0.1, 1, 10])
def test_entmax_equals_bisection(m, spread):
    scores = np.random.default_rng(m).normal(0, spread, (2, 3, 4, m))
    if m > 2:
        scores[0, ..., 1:3] = MASKED
        scores[1, 0, 0] = MASKED  # a row without any key: any weights do, but no nan
    found = entmax15(paddle.to_tensor(scores, "float32")).numpy()
    assert np.isfinite(found).all()
    rows = (scores > MASKED).any(-1)
    np.testing.assert_allclose(found[rows], by_bisection(scores)[rows], atol=1e-5)
    np.testing.assert_allclose(found[rows].sum(-1), 1, atol=1e-5)
    assert (found[rows][scores[rows] == MASKED] == 0).all()


def test_the_gradient_of_entmax_is_that_of_its_definition():
    rng = np.random.default_rng(0)
    scores, slope = rng.normal(size=(1, 1, 3, 6)), rng.normal(size=(1, 1, 3, 6))
    given = paddle.to_tensor(scores, "float32", stop_gradient=False)
    (entmax15(given) * paddle.to_tensor(slope, "float32")).sum().backward()
    wanted = np.zeros_like(scores)
    for index in np.ndindex(scores.shape):
        step = np.zeros_like(scores)
        step[index] = 1e-6
        wanted[index] = ((by_bisection(scores + step) - by_bisection(scores - step)) * slope).sum() / 2e-6
    np.testing.assert_allclose(given.grad.numpy(), wanted, atol=1e-4)
    assert (by_bisection(scores) == 0).any()
