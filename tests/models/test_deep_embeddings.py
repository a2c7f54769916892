"""Factors of feed-forward outputs by token: beside what stands in front of tokens, and as the vocabulary grows."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from ..contracts.cases import build, logits, tokens
from ..contracts.subjects.subject import drawn


def with_ones(**fields):
    model = build({"ff_deep_embed": True, **fields})
    model.xdecoder.deep_embeddings.weight.set_value(paddle.ones_like(model.xdecoder.deep_embeddings.weight))
    return model


def test_they_start_without_an_effect():
    weight = build({"ff_deep_embed": True}, redraw=False).xdecoder.deep_embeddings.weight
    assert weight.shape == [37, 2, 32]
    np.testing.assert_array_equal(weight.numpy(), np.ones([37, 2, 32], "float32"))


@pytest.mark.parametrize(
    "fields",
    [
        {"num_memory_tokens": 3},
        {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
        {"macaron": True, "num_residual_streams": 2},
    ],
    ids=str,
)
def test_what_stands_in_front_has_the_factor_1(fields):
    vectors = drawn(1, 2, 3, 32)
    model = with_ones(**fields)
    plain = logits(model, tokens(), prepend_embeds=vectors)
    weight = model.xdecoder.deep_embeddings.weight
    weight.set_value(weight * 0)  # feed-forward layers of tokens give nothing, those of what is in front do
    silent = logits(model, tokens(), prepend_embeds=vectors)
    assert np.abs(silent - plain).max() > 1e-3
    model.xdecoder.deep_embeddings = None
    np.testing.assert_allclose(logits(model, tokens(), prepend_embeds=vectors), plain, atol=1e-5)


def test_new_tokens_have_the_factor_1():
    model = build({"ff_deep_embed": True})
    before, ids = logits(model, tokens()), tokens()
    model.resize_token_embeddings(40)
    weight = model.xdecoder.deep_embeddings.weight
    assert weight.shape == [40, 2, 32]
    np.testing.assert_array_equal(weight[37:].numpy(), np.ones([3, 2, 32], "float32"))
    np.testing.assert_allclose(logits(model, ids)[:, :, :37], before, atol=1e-6)


def test_embeddings_in_place_of_ids_are_refused():
    with pytest.raises(InputError, match="ff_deep_embed=True looks factors up by token ids"):
        build({"ff_deep_embed": True})(inputs_embeds=drawn(1, 2, 4, 32))


def test_an_id_outside_the_vocabulary_is_refused():
    with pytest.raises(InputError, match="input_ids holds a number outside its table"):
        build({"ff_deep_embed": True})(paddle.to_tensor([[37]]))
