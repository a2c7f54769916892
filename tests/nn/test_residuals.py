"""Residual connections against float64 references, and the doubly stochastic mix."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.config.options import ModelOptions, ResidualOptions
from paddle_xformers.nn.residuals import HyperConnections, make_residuals
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


def single(residual, d, **options):
    """The connection of a layer with one stream, its parameters drawn anew, and these in float64."""
    options = ResidualOptions(residual=residual, **options)
    connection = make_residuals(ModelOptions(dim=d), options).connection(0)
    rng = np.random.default_rng(3)
    values = {name: rng.normal(size=p.shape) for name, p in connection.named_parameters()}
    for name, parameter in connection.named_parameters():
        parameter.set_value(values[name].astype("float32"))
    return connection, values


SCALED = [{}, {"scale_residual": True}, {"scale_residual_constant": 1.7}]
SCALED.append({"scale_residual": True, "scale_residual_constant": 0.6})


@pytest.mark.parametrize("scaled", SCALED, ids=str)
@pytest.mark.parametrize("residual", ["plain", "rezero", "gru", "orthogonal"])
def test_one_stream_merges_as_the_papers_say(residual, scaled):
    rng = np.random.default_rng(2)
    b, n, d = 2, 3, 4
    connection, p = single(residual, d, **scaled)
    stream, output = rng.normal(size=(b, n, d)), rng.normal(size=(b, n, d))
    old = stream * p.get("residual_scale", 1) * scaled.get("scale_residual_constant", 1)
    if residual == "plain":
        wanted = old + output
    elif residual == "rezero":
        wanted = old + p["branch_scale"] * output
    elif residual == "orthogonal":
        unit = old / np.linalg.norm(old, axis=-1, keepdims=True)
        wanted = old + output - (output * unit).sum(-1, keepdims=True) * unit
    else:
        from_input = np.split(output @ p["gru.weight_ih"].T + p["gru.bias_ih"], 3, -1)
        from_state = np.split(old @ p["gru.weight_hh"].T + p["gru.bias_hh"], 3, -1)
        reset, update = (sigmoid(from_input[gate] + from_state[gate]) for gate in (0, 1))
        candidate = np.tanh(from_input[2] + reset * from_state[2])
        wanted = update * old + (1 - update) * candidate
    given = paddle.to_tensor(stream, "float32")
    read, seen = connection.read(given)
    assert (read == given).all()
    written = connection.write(given, paddle.to_tensor(output, "float32"), seen)
    np.testing.assert_allclose(written.numpy(), wanted, atol=1e-5)


def test_a_layer_of_rezero_starts_as_the_identity():
    connection = make_residuals(ModelOptions(dim=4), ResidualOptions(residual="rezero")).connection(0)
    x = paddle.randn([2, 5, 4])
    np.testing.assert_array_equal(connection.write(x, paddle.randn([2, 5, 4]), None).numpy(), x.numpy())


def test_factors_of_the_residual_start_at_one():
    connection = make_residuals(ModelOptions(dim=4), ResidualOptions(scale_residual=True)).connection(0)
    x, output = paddle.randn([2, 5, 4]), paddle.randn([2, 5, 4])
    np.testing.assert_array_equal(connection.write(x, output, None).numpy(), (x + output).numpy())
