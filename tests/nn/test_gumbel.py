"""Drawn keys: how often each is drawn, what is returned of it, and that evaluation draws nothing."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError
from paddle_xformers.config.options import AttentionOptions
from paddle_xformers.nn.attention.call import AttentionCall
from paddle_xformers.nn.attention.masks import MASKED, make_mask
from paddle_xformers.nn.attention.parts import Site, Step
from paddle_xformers.nn.attention.parts.gumbel import GumbelSoftmax

from ..contracts.cases import build, tokens

DRAWS = 20_000
SCORES = np.array([1.0, -0.5, MASKED, 2.0, 0.3])
CHANCES = np.exp(SCORES - 2) / np.exp(SCORES - 2).sum()


def drawn(**fields) -> tuple[np.ndarray, Step]:
    part = GumbelSoftmax(Site(8, 8, AttentionOptions(heads=1, attn_normalizer="gumbel", **fields)))
    paddle.seed(0)
    x = paddle.zeros([1, DRAWS, 8])
    step = Step(x, x, AttentionCall(make_mask(None, n=DRAWS, m=len(SCORES), causal=False), log_probs=True))
    scores = paddle.to_tensor(np.tile(SCORES, [1, 1, DRAWS, 1]), "float32")
    return part.normalized(scores, step, normalizer=lambda t: t).numpy()[0, 0], step


@pytest.mark.parametrize("temperature", [1.0, 0.2])
def test_keys_are_drawn_with_the_probabilities_of_softmax(temperature):
    weights, step = drawn(attn_gumbel_softmax_temp=temperature)
    assert set(np.unique(weights.round(5))) == {0.0, 1.0} and (weights.sum(-1).round(5) == 1).all()
    found = weights.mean(0)
    spread = np.sqrt(CHANCES * (1 - CHANCES) / DRAWS)
    assert (np.abs(found - CHANCES) <= 5 * spread + 1e-9).all()
    logs = step.kept["log_probs"].numpy()[0, 0]
    np.testing.assert_allclose(logs, np.log(CHANCES[weights.argmax(-1)]), atol=1e-5)


def test_soft_draws_have_the_mean_of_the_gumbel_softmax():
    soft, _ = drawn(attn_gumbel_softmax_hard=False, attn_gumbel_softmax_temp=0.5)
    noise = np.random.default_rng(0).gumbel(size=(200_000, len(SCORES)))
    exact = np.exp((SCORES + noise) / 0.5 - ((SCORES + noise) / 0.5).max(-1, keepdims=True))
    exact /= exact.sum(-1, keepdims=True)
    np.testing.assert_allclose(soft.mean(0), exact.mean(0), atol=0.02)
    np.testing.assert_allclose(soft.std(0), exact.std(0), atol=0.02)
    assert (soft[:, 2] == 0).all() or soft[:, 2].max() < 1e-20


def test_evaluation_draws_nothing_and_training_does():
    model, ids = build({"attn_normalizer": "gumbel"}), tokens()
    np.testing.assert_array_equal(model(ids).numpy(), model(ids).numpy())
    model.train()
    assert np.abs((model(ids) - model(ids)).numpy()).max() > 1e-2


@pytest.mark.parametrize("memory", [0, 3])
def test_the_model_returns_logarithms_of_probabilities(memory):
    model, ids = build({"attn_normalizer": ("gumbel", "softmax"), "num_memory_tokens": memory}), tokens()
    output = model(ids, return_gumbel_log_probs=True, output_attentions=True, return_dict=True)
    (logs,) = output.gumbel_log_probs
    assert logs.shape == [2, 4, 14] and (logs.numpy() <= 0).all()
    if not memory:
        assert (logs.numpy()[:, :, 0] == 0).all()  # the first token sees itself alone
    model.train()
    loss = -model(ids, return_gumbel_log_probs=True, return_dict=True).gumbel_log_probs[0].mean()
    loss.backward()
    assert float(model.xdecoder.stack.layers[0].attn.q_proj.weight.grad.abs().max()) > 0
    assert model(ids, return_dict=True).gumbel_log_probs is None


def test_models_that_draw_nothing_return_no_probabilities():
    with pytest.raises(InputError, match="return_gumbel_log_probs.*attn_normalizer='gumbel'"):
        build({})(tokens(), return_gumbel_log_probs=True)
