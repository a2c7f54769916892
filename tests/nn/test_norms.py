"""Norms and linears: values and gradients of the fast CPU functions against float64 references."""

from __future__ import annotations

import math

import numpy as np
import paddle
import pytest

from paddle_xformers.config.options import NormOptions
from paddle_xformers.nn.linear import Linear
from paddle_xformers.nn.norms import make_embedding_norm, make_norm

KINDS = [
    NormOptions(norm="layernorm"),
    NormOptions(norm="layernorm", norm_bias=True),
    NormOptions(norm="layernorm", norm_eps=1e-3),
    NormOptions(norm="rmsnorm"),
    NormOptions(norm="rmsnorm", norm_eps=0.1),
    NormOptions(norm="scalenorm"),
    NormOptions(norm="simple_rmsnorm"),
    NormOptions(norm="dynamic_tanh"),
    NormOptions(norm="derf"),
    NormOptions(norm="identity"),
]


def formula(x, options: NormOptions, weight=1.0, bias=0.0, alpha=1.0, shift=0.0):
    if options.norm == "identity":
        return x
    if options.norm == "dynamic_tanh":
        return np.tanh(alpha * x) * weight + bias
    if options.norm == "derf":
        return np.vectorize(math.erf)(alpha * x + shift) * weight + bias
    if options.norm == "layernorm":
        x = x - x.mean(-1, keepdims=True)
    eps = options.norm_eps or (1e-5 if options.norm == "layernorm" else 1e-12)
    return x / np.sqrt((x * x).mean(-1, keepdims=True) + eps) * weight + bias


@pytest.mark.parametrize("options", KINDS, ids=lambda o: f"{o.norm}-{o.norm_bias}-{o.norm_eps}")
@pytest.mark.parametrize("shape", [(2, 5, 12), (1, 1, 12), (2, 3, 4, 12)])
def test_norms_equal_their_formula(options, shape):
    rng = np.random.default_rng(0)
    norm = make_norm(12, options)
    values = {name: rng.normal(1, 0.3, p.shape) for name, p in norm.named_parameters()}
    for name, parameter in norm.named_parameters():
        parameter.set_value(values[name].astype("float32"))
    x = rng.normal(0.5, 2, shape)
    wanted = formula(x, options, **values)
    given = paddle.to_tensor(x, "float32")
    with paddle.no_grad():
        np.testing.assert_allclose(norm(given).numpy(), wanted, atol=1e-5)
    np.testing.assert_allclose(norm(given).numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("options", KINDS, ids=lambda o: f"{o.norm}-{o.norm_bias}-{o.norm_eps}")
def test_the_norm_of_embeddings_is_a_layernorm_like_those_of_the_layers(options):
    like = options if options.norm == "layernorm" else NormOptions()
    norm = make_embedding_norm(12, options)
    names = {name for name, _ in norm.named_parameters()}
    assert names == ({"weight", "bias"} if like.norm_bias else {"weight"})
    bias = np.arange(12.0) if like.norm_bias else 0.0
    if like.norm_bias:
        norm.bias.set_value(bias.astype("float32"))
    x = np.random.default_rng(0).normal(0.5, 0.05, (2, 5, 12))  # so small that eps counts
    wanted = formula(x, like, 1.0, bias)
    np.testing.assert_allclose(norm(paddle.to_tensor(x, "float32")).numpy(), wanted, atol=1e-5)


@pytest.mark.parametrize("options", KINDS[:-1], ids=lambda o: f"{o.norm}-{o.norm_bias}-{o.norm_eps}")
def test_gradients_of_norms_equal_finite_differences(options):
    rng = np.random.default_rng(1)
    norm = make_norm(6, options)
    values = {name: rng.normal(1, 0.3, p.shape) for name, p in norm.named_parameters()}
    for name, parameter in norm.named_parameters():
        parameter.set_value(values[name].astype("float32"))
    x, slope = rng.normal(size=(2, 3, 6)), rng.normal(size=(2, 3, 6))
    given = paddle.to_tensor(x, "float32", stop_gradient=False)
    (norm(given) * paddle.to_tensor(slope, "float32")).sum().backward()

    def loss(changed, weights):
        return (formula(changed, options, **weights) * slope).sum()

    def numeric(array, function):
        gradient = np.zeros_like(array)
        for index in np.ndindex(array.shape):
            step = np.zeros_like(array)
            step[index] = 1e-6
            gradient[index] = (function(array + step) - function(array - step)) / 2e-6
        return gradient

    np.testing.assert_allclose(given.grad.numpy(), numeric(x, lambda a: loss(a, values)), atol=2e-5)
    for name, parameter in norm.named_parameters():
        wanted = numeric(values[name], lambda a, name=name: loss(x, {**values, name: a}))
        np.testing.assert_allclose(parameter.grad.numpy(), wanted, atol=2e-5)


@pytest.mark.parametrize("bias", [True, False])
def test_linear_equals_paddles_with_its_gradients(bias):
    paddle.seed(2)
    ours, theirs = Linear(7, 5, bias=bias), paddle.nn.Linear(7, 5, bias_attr=None if bias else False)
    theirs.set_state_dict(ours.state_dict())
    x = paddle.randn([3, 4, 7])
    x.stop_gradient = False
    found = []
    for layer in (ours, theirs):
        out = layer(x)
        out.pow(2).sum().backward()
        found.append([out, x.grad.clone(), *[p.grad for p in layer.parameters()]])
        x.clear_gradient()
    for own, other in zip(*found, strict=True):
        np.testing.assert_allclose(own.numpy(), other.numpy(), rtol=1e-5, atol=1e-5)
