"""Continuing sequences: with a cache and without, with padding, drawing, and what is refused."""

from __future__ import annotations

import re

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from .vectors import BUNDLES, CAUSAL, GAUSS, build, inputs_of, padded, vectors

NEW = 5
each_causal = pytest.mark.parametrize(
    "fields", [f for f in BUNDLES.values() if "causal" in f], ids=[name for name, f in BUNDLES.items() if "causal" in f]
)


def means(model, x, new=NEW, **kwargs):
    if model.config.probabilistic:
        kwargs["temperature"] = 0
    return model.generate(x, new, **kwargs).numpy()


@each_causal
def test_each_vector_is_the_prediction_before_it(fields):
    model = build(**fields)
    x = whole = inputs_of(model)
    for _ in range(NEW):
        whole = paddle.concat([whole, model(whole, return_dict=True).predictions[:, -1:]], axis=1)
    for cached in (True, False):
        np.testing.assert_allclose(means(model, x, use_cache=cached), whole[:, 10:].numpy(), atol=1e-4)


@each_causal
@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("cached", [True, False])
def test_a_padded_row_is_continued_as_the_row_alone(fields, side, cached):
    model = build(**fields)
    lengths, rows = [3, 7, 10], inputs_of(model, 3)
    batch, mask = padded(rows, lengths, side, float("nan"))
    found = means(model, batch, attention_mask=mask, use_cache=cached)
    for row, length in enumerate(lengths):
        alone = means(model, rows[row : row + 1, :length])
        np.testing.assert_allclose(found[row], alone[0], atol=1e-4)
    if side == "right":
        np.testing.assert_allclose(means(model, batch, lens=paddle.to_tensor(lengths)), found, atol=1e-4)


def test_past_the_room_of_a_cache():
    model = build(**CAUSAL, max_seq_len=0)
    x = vectors(1, 3)
    np.testing.assert_allclose(means(model, x, 70), means(model, x, 70, use_cache=False), atol=1e-4)


def test_context_and_mems():
    model = build(**CAUSAL, cross_attend=True, max_mem_len=8, rotary_pos_emb=True)
    x, context = vectors(), vectors(n=4, width=32)
    mems = model(x, encoder_hidden_states=context, return_mems=True, return_dict=True).mems
    more = {"encoder_hidden_states": context, "mems": mems}
    found = means(model, x, **more)
    np.testing.assert_allclose(found, means(model, x, **more, use_cache=False), atol=1e-4)
    assert np.abs(found - means(model, x, encoder_hidden_states=context)).max() > 1e-3


def test_vectors_are_drawn_from_the_predicted_distribution():
    model = build(**CAUSAL, **GAUSS)
    one = vectors(1)
    output = model(one, return_dict=True)
    mean, spread = output.predictions[0, -1].numpy(), output.variances[0, -1].sqrt().numpy()
    x = one.expand([4000, -1, -1])
    for temperature in (1.0, 0.5):
        drawn = model.generate(x, 1, temperature=temperature)[:, 0].numpy()
        np.testing.assert_allclose(drawn.mean(0), mean, atol=0.08 * spread.max())
        np.testing.assert_allclose(drawn.std(0), spread * temperature, rtol=0.06)
    np.testing.assert_allclose(model.generate(one, 1, temperature=0)[0, 0].numpy(), mean, atol=1e-5)


def test_draws_follow_the_seed():
    model, found = build(**CAUSAL, **GAUSS), []
    for seed, cached in ((1, True), (1, True), (1, False), (2, True)):
        paddle.seed(seed)
        found.append(model.generate(vectors(), NEW, use_cache=cached).numpy())
    np.testing.assert_array_equal(found[0], found[1])
    np.testing.assert_allclose(found[0], found[2], atol=1e-4)
    assert np.abs(found[0] - found[3]).max() > 1e-2


def test_a_model_in_training_is_as_before_afterwards():
    model = build(**CAUSAL, emb_dropout=0.5, attn_dropout=0.5)
    expected = means(model, vectors())
    model.train()
    x = vectors()
    x.stop_gradient = False
    found = model.generate(x, NEW)
    np.testing.assert_array_equal(found.numpy(), expected)
    assert model.training and model.xcontinuous.stack.layers[0].training and found.stop_gradient
    with pytest.raises(InputError):
        model.generate(x, NEW, lens=paddle.ones([3], dtype="int64"))
    assert model.training


REFUSED = {
    "both ways": ({}, {}, ("causal=False", "causal=True")),
    "same": ({**CAUSAL, "regression_target": "same"}, {}, ("regression_target='same'", "'next'")),
    "other width": ({**CAUSAL, "dim_out": 5}, {}, ("width 5", "inputs 6")),
    "nothing new": (CAUSAL, {"max_new_tokens": 0}, ("max_new_tokens=0", "at least 1")),
    "a fraction": (CAUSAL, {"max_new_tokens": 2.5}, ("max_new_tokens=2.5",)),
    "too many": (CAUSAL, {"max_new_tokens": 23}, ("10 vectors", "33", "max_seq_len=32", "at most 22")),
    "temperature": (CAUSAL, {"temperature": 0.5}, ("temperature=0.5", "probabilistic=False")),
    "negative": ({**CAUSAL, **GAUSS}, {"temperature": -1}, ("temperature=-1", "at least 0")),
    "mask of 3 axes": (CAUSAL, {"attention_mask": paddle.ones([2, 10, 10])}, ("attention_mask", "[2, 10, 10]")),
    "mask and lens": (
        CAUSAL,
        {"attention_mask": paddle.ones([2, 10]), "lens": paddle.to_tensor([1, 2])},
        ("lens", "attention_mask", "give one"),
    ),
    "width": (CAUSAL, {"inputs": vectors(width=5)}, ("inputs", "[2, 10, 5]", "(batch, length, 6)")),
    "one axis too few": (CAUSAL, {"inputs": vectors()[0]}, ("inputs", "[10, 6]")),
}


@pytest.mark.parametrize(("fields", "arguments", "words"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_continued(fields, arguments, words):
    with pytest.raises(InputError, match=".*".join(map(re.escape, words))):
        build(**fields).generate(**{"inputs": vectors(), "max_new_tokens": NEW, **arguments})
