"""Inverted attention against its definition in float64 NumPy."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.config.options import AttentionOptions
from paddle_xformers.nn.attention.cache import PADDING
from paddle_xformers.nn.attention.call import AttentionCall
from paddle_xformers.nn.attention.masks import MASKED, make_mask
from paddle_xformers.nn.attention.parts import Site, Step
from paddle_xformers.nn.attention.parts.inverted import InvertedAttention

B, H, N, M = 2, 3, 6, 6


def reference(scores: np.ndarray, asks: np.ndarray, causal: bool) -> np.ndarray:
    """Weights, one key after the other: those of queries that ask, among themselves or among those before each."""
    weights = np.zeros_like(scores)
    for row, head, query, key in np.ndindex(*scores.shape):
        column = scores[row, head, :, key]
        rivals = [i for i in range(N) if asks[row, i] and (i <= query or not causal) and column[i] > -1e3]
        if column[query] > -1e3 and rivals:
            top = max(column[i] for i in rivals)
            total = sum(np.exp(column[i] - top) for i in rivals)
            weights[row, head, query, key] = np.exp(column[query] - top) / total
    return weights / np.maximum(weights.sum(-1, keepdims=True), 1e-8)


def step_of(part: InvertedAttention, places: np.ndarray, past=None) -> Step:
    call = AttentionCall(make_mask(None, n=N, m=M, causal=part.leaves > 0), q_positions=paddle.to_tensor(places))
    x = paddle.zeros([B, places.shape[1], 8])
    return Step(x, x, call, past={} if past is None else {part: past})


def plain(scores):
    raise AssertionError("nothing else makes weights")


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("size", [1, 60], ids=["common", "huge"])
def test_queries_compete_for_keys(causal, size):
    rng = np.random.default_rng(0)
    scores = size * rng.normal(size=(B, H, N, M))
    if causal:
        scores[..., np.triu(np.ones([N, M], bool), 1)] = MASKED
    scores[0, :, :, 2] = MASKED  # padding
    places = np.tile(np.arange(N), [B, 1])
    places[0, 2] = PADDING
    part = InvertedAttention(Site(8, 8, AttentionOptions(heads=H), causal=causal))
    found = part.normalized(paddle.to_tensor(scores, "float32"), step_of(part, places), normalizer=plain).numpy()
    asks = places > PADDING
    expected = reference(scores, asks, causal)
    real = np.broadcast_to(asks[:, None, :, None], scores.shape)
    np.testing.assert_allclose(found[real], expected[real], atol=1e-5)
    assert np.isfinite(found).all()


def test_sums_in_the_cache_stand_for_the_queries_before():
    rng = np.random.default_rng(1)
    scores = paddle.to_tensor(rng.normal(size=(B, H, N, M)), "float32")
    scores = paddle.where(paddle.tril(paddle.ones([N, M])) > 0, scores, paddle.full([1], MASKED))
    part = InvertedAttention(Site(8, 8, AttentionOptions(heads=H), causal=True))
    places = np.tile(np.arange(N), [B, 1])
    whole = part.normalized(scores, step_of(part, places), normalizer=plain).numpy()
    first = step_of(part, places[:, :4])
    start = part.normalized(scores[:, :, :4, :4], first, normalizer=plain).numpy()
    np.testing.assert_allclose(start, whole[:, :, :4, :4], atol=1e-6)
    rest = part.normalized(scores[:, :, 4:], step_of(part, places[:, 4:], first.state[part]), normalizer=plain)
    np.testing.assert_allclose(rest.numpy(), whole[:, :, 4:], atol=1e-6)
