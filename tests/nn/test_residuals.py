"""Residual connections against float64 references, and the doubly stochastic mix."""

from __future__ import annotations

import dataclasses

import numpy as np
import paddle
import pytest

from paddle_xformers.config.options import ModelOptions, NormOptions, ResidualOptions
from paddle_xformers.nn.norms import LayerNorm
from paddle_xformers.nn.residuals import HyperConnections, make_residuals
from paddle_xformers.nn.residuals.hyper import sinkhorn
from paddle_xformers.nn.shift import line_up


def test_sinkhorn_makes_rows_and_columns_sum_to_one():
    logits = paddle.randn([5, 4, 4])
    mix = sinkhorn(logits, 60).numpy()
    np.testing.assert_allclose(mix.sum(-1), 1, atol=1e-3)
    np.testing.assert_allclose(mix.sum(-2), 1, atol=1e-5)
    assert (mix > 0).all()


def streams(count, **more):
    """The residual fields for several streams."""
    return ResidualOptions(num_residual_streams=count, **more)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


@pytest.mark.parametrize("sum_streams", [False, True])
def test_reading_mixing_and_writing_follow_the_papers(sum_streams):
    rng = np.random.default_rng(0)
    b, n, s, d = 2, 3, 3, 4
    connection = HyperConnections(d, streams(s), sum_streams=sum_streams).connection(1)
    p = {name: rng.normal(0, 0.5, t.shape) for name, t in connection.named_parameters()}
    for name, parameter in connection.named_parameters():
        parameter.set_value(p[name].astype("float32"))
    before, output = rng.normal(size=(b, n, s, d)), rng.normal(size=(b, n, d))
    normed = before - before.mean(-1, keepdims=True)
    normed = normed / np.sqrt((normed**2).mean(-1, keepdims=True) + 1e-5) * p["norm.weight"]
    alpha = normed @ p["dynamic_alpha"] * p["dynamic_alpha_scale"] + p["static_alpha"]
    branch = (sigmoid(alpha[..., :1]) * before).sum(2)
    mix = np.exp(alpha[..., 1:])
    for _ in range(5):
        mix = mix / mix.sum(-1, keepdims=True)
        mix = mix / mix.sum(-2, keepdims=True)
    if sum_streams:
        mix = np.ones_like(mix)
    beta = sigmoid(sigmoid(normed @ p["dynamic_beta"]) * 2 * p["dynamic_beta_scale"] + p["static_beta"][:, None]) * 2
    wanted = np.einsum("bnst,bnsd->bntd", mix, before) + beta * output[:, :, None]
    given = paddle.to_tensor(before, "float32")
    (read,), seen = connection.read(given)
    np.testing.assert_allclose(read.numpy(), branch, atol=1e-5)
    written = connection.write(given, paddle.to_tensor(output, "float32"), seen)
    np.testing.assert_allclose(written.numpy(), wanted, atol=1e-5)


def test_streams_start_as_copies_and_end_as_a_sum():
    scheme = HyperConnections(4, streams(3))
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


def drawn(connection, seed=4):
    """The parameters of a connection, drawn anew, in float64."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(size=p.shape) for name, p in connection.named_parameters()}
    for name, parameter in connection.named_parameters():
        parameter.set_value(values[name].astype("float32"))
    return values


def mean_split(residual, output, valid, p, *, causal):
    """One row of the mean-variance split, token by token in plain loops."""
    wanted = np.zeros_like(output)
    for at in range(len(output)):
        seen = [i for i in range(len(output)) if valid[i] and (i <= at or not causal)]
        of_output = output[seen].mean(0) if seen else np.zeros(output.shape[1])
        of_residual = residual[seen].mean(0) if seen else np.zeros(output.shape[1])
        alpha, beta = p.get("alpha"), p.get("beta")
        if alpha is None:
            alpha = of_output @ p["alpha_proj.weight"] + p["alpha_proj.bias"]
            beta = of_output @ p["beta_proj.weight"] + p["beta_proj.bias"]
        wanted[at] = residual[at] + beta * (output[at] - of_output) + alpha * (of_output - of_residual)
    return wanted


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("learned", [False, True])
def test_mean_and_difference_count_differently(learned, causal):
    b, n, d = 3, 6, 4
    options = ResidualOptions(residual="mv_split", mv_split_learned=learned)
    connection = make_residuals(ModelOptions(dim=d), options, causal=causal).connection(0)
    p = drawn(connection)
    rng = np.random.default_rng(5)
    residual, output = rng.normal(size=(2, b, n, d))
    valid = np.ones((b, n), bool)
    valid[0, :2] = valid[1, 4:] = False
    wanted = [mean_split(residual[row], output[row], valid[row], p, causal=causal) for row in range(b)]
    given = [paddle.to_tensor(part, "float32") for part in (residual, output)]
    line = line_up(paddle.to_tensor(valid))
    found, _ = connection.write_along(*given, None, line, ())
    np.testing.assert_allclose(found.numpy()[valid], np.stack(wanted)[valid], atol=1e-5)


def test_running_means_go_on_from_what_was_kept():
    options = ResidualOptions(residual="mv_split", mv_split_init_alpha=0.7)
    connection = make_residuals(ModelOptions(dim=4), options, causal=True).connection(0)
    residual, output = paddle.randn([2, 6, 4]), paddle.randn([2, 6, 4])
    whole, _ = connection.write_along(residual, output, None, None, ())
    first, kept = connection.write_along(residual[:, :4], output[:, :4], None, None, ())
    second, _ = connection.write_along(residual[:, 4:], output[:, 4:], None, None, kept)
    assert connection.keeps == len(kept) == 1
    np.testing.assert_allclose(paddle.concat([first, second], axis=1).numpy(), whole.numpy(), atol=1e-6)


def test_factors_of_the_split_start_where_the_fields_say():
    options = ResidualOptions(residual="mv_split", mv_split_init_alpha=0.2, mv_split_init_beta=0.6)
    for learned in (False, True):
        changed = dataclasses.replace(options, mv_split_learned=learned)
        connection = make_residuals(ModelOptions(dim=4), changed).connection(0)
        residual, output = np.random.default_rng(6).normal(size=(2, 1, 5, 4))
        given = [paddle.to_tensor(part, "float32") for part in (residual, output)]
        wanted = mean_split(
            residual[0], output[0], np.ones(5, bool), {"alpha": np.full(4, 0.2), "beta": np.full(4, 0.6)}, causal=False
        )
        np.testing.assert_allclose(connection.write_along(*given, None, None, ())[0].numpy()[0], wanted, atol=1e-5)


def test_gates_read_and_write_streams():
    b, n, s, d = 2, 3, 3, 4
    scheme = make_residuals(ModelOptions(dim=d), streams(s, residual="gated_multi", read_gate_rank=5))
    connection = scheme.connection(1, views=3)
    p = drawn(connection)
    before, output = np.random.default_rng(7).normal(size=(b, n, s, d)), np.random.default_rng(8).normal(size=(b, n, d))
    normed = before / np.sqrt((before**2).mean(-1, keepdims=True)) * p["read_gain"]
    hidden = normed.reshape(b, n, s * d) / s @ p["down_proj.weight"]
    hidden = hidden * sigmoid(hidden) * p["dynamic_scale"]
    gates = sigmoid((hidden @ p["read_proj.weight"]).reshape(b, n, 3, s, d) + p["static_read"])
    wanted = (gates * normed[:, :, None]).sum(3) / s
    beta = 2 * sigmoid(hidden @ p["write_proj.weight"] + p["static_write"])
    given = paddle.to_tensor(before, "float32")
    views, seen = connection.read(given)
    for at, view in enumerate(views):
        np.testing.assert_allclose(view.numpy(), wanted[:, :, at], atol=1e-5)
    written = connection.write(given, paddle.to_tensor(output, "float32"), seen)
    np.testing.assert_allclose(written.numpy(), before + beta[..., None] * output[:, :, None], atol=1e-5)


def test_gates_start_at_their_own_stream_and_write_to_all_alike():
    connection = make_residuals(ModelOptions(dim=4), streams(3, residual="gated_multi")).connection(4)
    static = connection.static_read.numpy()[0]
    np.testing.assert_array_equal(static[1], 1)
    np.testing.assert_array_equal(static[[0, 2]], 0)
    given = paddle.randn([1, 2, 3, 4])
    _, beta = connection.read(given)
    np.testing.assert_allclose(beta.numpy(), 1, atol=1e-6)


def layer_norm(x):
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5)


@pytest.mark.parametrize("scale", [1.0, 0.25])
def test_two_streams_of_which_one_is_normed(scale):
    """ResiDual as in the paper: y = x_N + LN(d_N), where d adds up all branches and x is normed after each sum."""
    b, n, d = 2, 3, 8
    norm = NormOptions(norm_placement="resi_dual", resi_dual_scale=scale)
    scheme = make_residuals(ModelOptions(dim=d), ResidualOptions(), norm)
    rng = np.random.default_rng(9)
    x, *outputs = rng.normal(size=(4, b, n, d))
    streams_now = scheme.expand(paddle.to_tensor(x, "float32"))
    normed, plain = x, x * scale
    for at, output in enumerate(outputs):
        connection = scheme.connection(at)
        read, seen = connection.read(streams_now)
        np.testing.assert_allclose(read.numpy(), normed, atol=1e-5)
        streams_now = connection.write(streams_now, paddle.to_tensor(output, "float32"), seen)
        streams_now = connection.normed(streams_now, LayerNorm(d), None)
        normed, plain = layer_norm(normed + output), plain + output * scale
    np.testing.assert_allclose(scheme.collapse(streams_now).numpy(), normed, atol=1e-5)
    found = scheme.finish(streams_now, LayerNorm(d), None).numpy()
    np.testing.assert_allclose(found, normed + layer_norm(plain), atol=1e-5)
    np.testing.assert_allclose(scheme.finish(streams_now, None, None).numpy(), normed + plain, atol=1e-5)
