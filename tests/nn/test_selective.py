"""Selective attention against its definition, written as loops."""

from __future__ import annotations

import numpy as np
import paddle

from paddle_xformers.config.options import AttentionOptions
from paddle_xformers.nn.attention.cache import PADDING
from paddle_xformers.nn.attention.call import AttentionCall
from paddle_xformers.nn.attention.masks import MASKED, make_mask
from paddle_xformers.nn.attention.parts import Site, Step
from paddle_xformers.nn.attention.parts.selective import Selective

FRONT, OLD, NEW = 2, 3, 5  # learned keys, memory tokens and mems, tokens
POSITIONS = np.array([[*range(-OLD, 0), 0, 1, PADDING, 2, 3], [*range(-OLD, 0), 0, 1, 2, 3, 4]])
QUERIES = 1  # of the OLD, the last is a memory token, and asks too


def reference(scores: np.ndarray) -> np.ndarray:
    """What is left of the scores, (b, h, n, m): section 3 of the paper, one pair of tokens after the other."""
    result = scores.copy()
    b, _, n, m = scores.shape
    for row in range(b):
        hidden = np.zeros(m)
        for query in range(n):
            result[row, :, query] -= hidden
            place = m - n + query
            if POSITIONS[row, place - FRONT] == PADDING:
                continue
            for key in range(FRONT, m):
                if key != place and POSITIONS[row, key - FRONT] > -QUERIES:
                    hidden[key] += max(scores[row, 0, query, key], 0)
    return result


def test_a_token_hides_tokens_before_it_from_those_after_it():
    rng = np.random.default_rng(0)
    n, m = NEW + QUERIES, OLD + NEW
    scores = rng.normal(size=(2, 3, n, FRONT + m))
    future = np.triu(np.ones([n, m], bool), m - n + 1)
    scores[..., FRONT:][..., future] = MASKED
    scores[0, :, :, FRONT + OLD + 2] = MASKED  # the padding
    part = Selective(Site(8, 8, AttentionOptions(heads=3)))
    places = paddle.to_tensor(POSITIONS)
    mask = make_mask(None, n=n, m=m, causal=True)
    call = AttentionCall(mask, q_positions=places[:, -n:], k_positions=places, first=-QUERIES)
    x = paddle.zeros([2, n, 8])
    step = Step(x, x, call)
    found = part.normalized(paddle.to_tensor(scores, "float64"), step, normalizer=lambda t: t).numpy()
    expected = reference(scores)
    seen = expected > -1e3
    assert np.abs(expected - scores)[seen].max() > 0.5
    np.testing.assert_allclose(found[seen], expected[seen], atol=1e-6)
    assert (found[~seen] < -1e29).all()
    assert step.state[part][0].shape == [2, m]
