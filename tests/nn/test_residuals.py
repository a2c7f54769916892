"""Hyper-connections against a float64 reference, and the doubly stochastic mix."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.nn.residuals import HyperConnections
from paddle_xformers.nn.residuals.hyper import sinkhorn


def test_sinkhorn_makes_rows_and_columns_sum_to_one():
    logits = paddle.randn([5, 4, 4])
    mix = sinkhorn(logits, 60).numpy()
    np.testing.assert_allclose(mix.sum(-1), 1, atol=1e-3)
    np.testing.assert_allclose(mix.sum(-2), 1, atol=1e-5)
    assert (mix > 0).all()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("sum_streams", [False, True])
def test_reading_mixing_and_writing_follow_the_papers(sum_streams):
    rng = np.random.default_rng(0)
    b, n, s, d = 2, 3, 3, 4
    connection = HyperConnections(d, s, 5, sum_streams=sum_streams).connection(1)
    p = {name: rng.normal(0, 0.5, t.shape) for name, t in connection.named_parameters()}
    for name, parameter in connection.named_parameters():
        parameter.set_value(p[name].astype("float32"))
    streams, output = rng.normal(size=(b, n, s, d)), rng.normal(size=(b, n, d))
    normed = streams - streams.mean(-1, keepdims=True)
    normed = normed / np.sqrt((normed**2).mean(-1, keepdims=True) + 1e-5) * p["norm.weight"]
    alpha = normed @ p["dynamic_alpha"] * p["dynamic_alpha_scale"] + p["static_alpha"]
    branch = (sigmoid(alpha[..., :1]) * streams).sum(2)
    mix = np.exp(alpha[..., 1:])
    for _ in range(5):
        mix = mix / mix.sum(-1, keepdims=True)
        mix = mix / mix.sum(-2, keepdims=True)
    if sum_streams:
        mix = np.ones_like(mix)
    beta = sigmoid(sigmoid(normed @ p["dynamic_beta"]) * 2 * p["dynamic_beta_scale"] + p["static_beta"][:, None]) * 2
    wanted = np.einsum("bnst,bnsd->bntd", mix, streams) + beta * output[:, :, None]
    given = paddle.to_tensor(streams, "float32")
    read, seen = connection.read(given)
    np.testing.assert_allclose(read.numpy(), branch, atol=1e-5)
    written = connection.write(given, paddle.to_tensor(output, "float32"), seen)
    np.testing.assert_allclose(written.numpy(), wanted, atol=1e-5)


def test_streams_start_as_copies_and_end_as_a_sum():
    scheme = HyperConnections(4, 3, 5)
    x = paddle.randn([2, 5, 4])
    np.testing.assert_allclose(scheme.collapse(scheme.expand(x)).numpy(), 3 * x.numpy(), atol=1e-5)
