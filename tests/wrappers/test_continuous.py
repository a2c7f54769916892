"""ContinuousTransformerWrapper: what it holds, what a call gives, and what it refuses."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    ConfigError,
    ContinuousTransformerWrapper,
    Decoder,
    Encoder,
    InputError,
    XContinuousForRegression,
)

from .small import STACK, without_gradient

AROUND = {"dim_in": 6, "dim_out": 5, "max_seq_len": 24}


def build(around: dict[str, Any] | None = None, layers: type = Decoder, **stack: Any) -> ContinuousTransformerWrapper:
    model = ContinuousTransformerWrapper(**{**AROUND, **(around or {})}, attn_layers=layers(**STACK, **stack))
    model.eval()
    return model


@pytest.fixture
def x() -> paddle.Tensor:
    return paddle.randn([2, 8, 6])


@pytest.mark.parametrize("layers", [Encoder, Decoder])
def test_what_a_call_gives(x, layers):
    model = build(layers=layers)
    assert model(x).shape == [2, 8, 5]
    assert model(x, return_embeddings=True).shape == [2, 8, 32]
    out, maps = model(x, return_attn=True)
    assert out.shape == [2, 8, 5]
    assert [tuple(weights.shape) for weights in maps] == [(2, 4, 8, 8)] * 2
    model(x).sum().backward()
    assert without_gradient(model) == []


def test_a_decoder_looks_backwards(x):
    changed = x.clone()
    changed[:, -1] = 0.0
    for layers, same in ((Decoder, True), (Encoder, False)):
        model = build(layers=layers)
        assert np.array_equal(model(x)[:, :-1].numpy(), model(changed)[:, :-1].numpy()) == same


def test_without_projections():
    x = paddle.randn([2, 8, 32])
    for around in ({"dim_in": None, "dim_out": None}, {"dim_in": 32, "dim_out": 32, "use_identity_if_same_dim": True}):
        model = build(around)
        np.testing.assert_array_equal(model(x).numpy(), model(x, return_embeddings=True).numpy())


def test_masks_and_lengths(x):
    model = build(layers=Encoder)
    wanted = model(x[:, :5]).numpy()
    for given in ({"mask": paddle.arange(8).expand([2, 8]) < 5}, {"lens": paddle.to_tensor([5, 5])}):
        np.testing.assert_allclose(model(x, **given)[:, :5].numpy(), wanted, atol=1e-5)
    with pytest.raises(InputError, match="mask and lens exclude each other"):
        model(x, mask=paddle.ones([2, 8]), lens=paddle.to_tensor([5, 5]))


def test_mems_go_round(x):
    model = build({"max_mem_len": 4}, rotary_pos_emb=True)
    first, mems = model(x[:, :4], return_mems=True)
    assert [tuple(states.shape) for states in mems] == [(2, 4, 32)] * 2
    assert np.abs(model(x[:, 4:], mems=mems).numpy() - model(x[:, 4:]).numpy()).max() > 1e-3


def test_means_and_variances(x):
    out = build({"probabilistic": True})(x)
    assert out.shape == [2, 2, 8, 5]
    assert (out[1] > 0).all()


def test_it_comes_back_from_its_folder(x, tmp_path):
    model = build({"num_memory_tokens": 2})
    model.save_pretrained(tmp_path)
    loaded = XContinuousForRegression.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())


@pytest.mark.parametrize(
    "around, sentence",
    [
        ({"emb_dim": 20}, "emb_dim=20 has no effect in ContinuousTransformerWrapper"),
        ({"causal": True}, "ContinuousTransformerWrapper does not take causal=True: it is about the layers"),
        ({"depth": 2}, "ContinuousTransformerWrapper does not take depth=2: it is about the layers"),
        ({"num_tokens": 5}, "ContinuousTransformerWrapper has no keyword 'num_tokens'"),
        ({"average_pool_embed": True}, "ContinuousTransformerWrapper has no keyword 'average_pool_embed'"),
    ],
)
def test_keywords_that_are_refused(around, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        build(around)


@pytest.mark.parametrize("argument", ["cache", "return_intermediates"])
def test_arguments_that_are_refused(x, argument):
    with pytest.raises(InputError, match=f"ContinuousTransformerWrapper does not take {argument}"):
        build()(x, **{argument: x})
