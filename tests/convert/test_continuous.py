"""Weights of bare stacks and of models over vectors, and the sentences about those that do not fit."""

from __future__ import annotations

import numpy as np
import pytest
from test_x_transformers import weights

from paddle_xformers import CheckpointError, XContinuousConfig, XContinuousForRegression, XContinuousModel
from paddle_xformers.convert import from_x_transformers, load_x_transformers

SIZES = {"dim": 8, "depth": 1, "heads": 2, "attn_dim_head": 4, "max_seq_len": None}


def bare() -> dict[str, np.ndarray]:
    """What x-transformers saves for a stack without a wrapper."""
    level = "attn_layers."
    return {name.removeprefix(level): value for name, value in weights().items() if name.startswith(level)}


def wrapped(rows: int = 3, **more: np.ndarray) -> dict[str, np.ndarray]:
    draw = np.random.default_rng(2)
    ends = {"project_in.weight": (8, 5), "project_out.weight": (rows, 8)}
    arrays = {name: draw.standard_normal(shape).astype("float32") for name, shape in ends.items()}
    return {**{"attn_layers." + name: value for name, value in bare().items()}, **arrays, **more}


def test_a_bare_stack():
    model = XContinuousModel(XContinuousConfig(**SIZES))
    load_x_transformers(model, bare())
    np.testing.assert_array_equal(model.stack.layers[0].attn.q_proj.weight.numpy(), bare()["layers.0.1.to_q.weight"].T)
    load_x_transformers(XContinuousForRegression(XContinuousConfig(**SIZES)), bare())  # no projection, no head


def test_projections():
    found = from_x_transformers(wrapped(), XContinuousConfig(**SIZES, dim_in=5, dim_out=3))
    np.testing.assert_array_equal(found["xcontinuous.embeddings.input_proj.weight"], wrapped()["project_in.weight"].T)
    np.testing.assert_array_equal(found["head.mean.weight"], wrapped()["project_out.weight"].T)


def test_projections_with_a_bias_as_in_the_old_port():
    biases = {"project_in.bias": np.arange(8, dtype="float32"), "project_out.bias": np.arange(3, dtype="float32")}
    config = XContinuousConfig(**SIZES, dim_in=5, dim_out=3, input_bias=True, output_bias=True)
    model = XContinuousForRegression(config)
    load_x_transformers(model, wrapped(**biases))
    np.testing.assert_array_equal(model.head.mean.bias.numpy(), biases["project_out.bias"])
    np.testing.assert_array_equal(model.xcontinuous.embeddings.input_proj.bias.numpy(), biases["project_in.bias"])


def test_means_and_variances_take_turns():
    config = XContinuousConfig(**SIZES, dim_in=5, dim_out=3, probabilistic=True)
    found, given = from_x_transformers(wrapped(6), config), wrapped(6)["project_out.weight"]
    np.testing.assert_array_equal(found["head.mean.weight"], given[[0, 2, 4]].T)
    np.testing.assert_array_equal(found["head.log_variance.weight"], given[[1, 3, 5]].T)


@pytest.mark.parametrize(
    ("arrays", "fields", "message"),
    [
        (wrapped(5), {"dim_in": 5, "dim_out": 3, "probabilistic": True}, "project_out.weight .* must be even"),
        (wrapped(), {"dim_in": 5}, "no place for head.mean.weight"),
        (wrapped(), {"dim_out": 3}, "no place for xcontinuous.embeddings.input_proj.weight"),
        (bare(), {"dim_in": 5}, "nothing for xcontinuous.embeddings.input_proj.weight"),
        (wrapped(4), {"dim_in": 5, "dim_out": 3}, r"head.mean.weight has shape \[8, 4\] instead of \[8, 3\]"),
        (weights(), {}, "no place for lm_head.weight, xcontinuous.embeddings.position_embeddings.weight, xcontinuous."),
    ],
)
def test_weights_of_another_model(arrays, fields, message):
    model = XContinuousForRegression(XContinuousConfig(**SIZES, **fields))
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    with pytest.raises(CheckpointError, match=message):
        load_x_transformers(model, arrays)
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name])
