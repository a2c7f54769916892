"""Activations of any input: far from zero they are finite and so are their gradients."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.config.options import FeedForwardOptions
from paddle_xformers.config.schema import schema
from paddle_xformers.nn.activations import make_activation
from paddle_xformers.nn.silu import silu

FAR = np.concatenate([np.linspace(-1000, 1000, 101), np.linspace(-110, -80, 31), [0.0]]).astype("float32")


@pytest.mark.parametrize("name", schema()["ff_activation"].choices)
def test_far_inputs_have_finite_gradients(name):
    x = paddle.to_tensor(FAR[None], stop_gradient=False)
    given = make_activation(len(FAR), FeedForwardOptions(ff_activation=name))(x)
    given.sum().backward()
    assert np.isfinite(given.numpy()).all()
    assert np.isfinite(x.grad.numpy()).all()


def test_silu_and_its_gradient():
    x = paddle.to_tensor(FAR, stop_gradient=False)
    given = silu(x)
    given.sum().backward()
    wide = FAR.astype("float64")
    share = np.where(wide < -700, 0.0, 1 / (1 + np.exp(-np.maximum(wide, -700))))
    np.testing.assert_allclose(given.numpy(), wide * share, rtol=1e-5, atol=1e-30)
    np.testing.assert_allclose(x.grad.numpy(), share * (1 + wide * (1 - share)), rtol=1e-4, atol=1e-30)
