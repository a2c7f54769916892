"""XValTransformerWrapper and XValAutoregressiveWrapper: what they hold, what calls give, and what they refuse."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    ConfigError,
    Decoder,
    Encoder,
    InputError,
    XValAutoregressiveWrapper,
    XValForCausalLM,
    XValTransformerWrapper,
)

from .small import STACK, without_gradient

AROUND = {"num_tokens": 20, "max_seq_len": 24, "numerical_token_id": 3}


def build(around: dict[str, Any] | None = None, layers: type = Decoder, **stack: Any) -> XValTransformerWrapper:
    paddle.seed(0)
    model = XValTransformerWrapper(**{**AROUND, **(around or {})}, attn_layers=layers(**STACK, **stack))
    model.eval()
    return model


@pytest.fixture
def text() -> tuple[paddle.Tensor, paddle.Tensor]:
    rng = np.random.default_rng(0)
    ids = rng.integers(0, 19, (2, 9))
    ids[:, ::3] = 3
    return paddle.to_tensor(ids), paddle.to_tensor(rng.normal(size=(2, 9)).astype("float32"))


def test_what_a_call_gives(text):
    model = build()
    logits, numbers = model(*text)
    assert (logits.shape, numbers.shape) == ([2, 9, 20], [2, 9])
    assert model(*text, return_embeddings=True).shape == [2, 9, 32]
    (again, _), maps = model(*text, return_attn=True)
    assert [tuple(weights.shape) for weights in maps] == [(2, 4, 9, 9)] * 2
    np.testing.assert_allclose(again.numpy(), logits.numpy(), atol=1e-6)
    (logits.sum() + numbers.sum()).backward()
    assert without_gradient(model) == []


def test_the_head_has_a_bias_unless_it_is_tied():
    assert build().config.logits_bias and not build({"tie_embedding": True}).config.logits_bias
    assert not build({"logits_bias": False}).config.logits_bias


def test_mems_go_round(text):
    ids, numbers = text
    model = build({"max_mem_len": 4}, rotary_pos_emb=True)
    _, mems = model(ids[:, :4], numbers[:, :4], return_mems=True)
    later = [model(ids[:, 4:], numbers[:, 4:], mems=given)[1].numpy() for given in (mems, None)]
    assert np.abs(later[0] - later[1]).max() > 1e-3


def test_masks(text):
    ids, numbers = text
    model = build()
    mask = paddle.arange(9).expand([2, 9]) < 5
    for found, whole in zip(model(ids, numbers, mask=mask), model(ids[:, :5], numbers[:, :5]), strict=True):
        np.testing.assert_allclose(found[:, :5].numpy(), whole.numpy(), atol=1e-5)


def test_it_comes_back_from_its_folder(text, tmp_path):
    model = build({"num_memory_tokens": 2})
    model.save_pretrained(tmp_path)
    loaded = XValForCausalLM.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(loaded(*text)[1].numpy(), model(*text)[1].numpy())


def test_the_loss_and_its_parts(text):
    ids, numbers = text
    wrapped = XValAutoregressiveWrapper(build(), numerical_loss_weight=0.5, ignore_index=19, pad_value=1)
    ids[0, 6:] = 19
    loss, parts = wrapped(ids, numbers, return_loss_breakdown=True)
    assert float(loss) == pytest.approx(float(parts.cross_entropy_loss) + 0.5 * float(parts.numerical_mse_loss))
    mask = paddle.ones_like(ids)
    mask[0, 6:] = 0
    masked = wrapped(paddle.where(ids == 19, paddle.ones_like(ids), ids), numbers, mask=mask)
    assert float(masked) == pytest.approx(float(wrapped(ids, numbers)), rel=1e-5)
    loss.backward()
    assert without_gradient(wrapped) == []


def test_texts_go_on_with_their_numbers(text):
    wrapped = XValAutoregressiveWrapper(build())
    found = wrapped.generate(*text, 6, temperature=0)
    assert [part.shape for part in found] == [[2, 6]] * 3
    np.testing.assert_array_equal(found.is_number_mask.numpy(), found.sampled_token_ids.numpy() == 3)
    np.testing.assert_array_equal(found.sampled_numbers.isnan().numpy(), ~found.is_number_mask.numpy())
    uncached = wrapped.generate(*text, 6, temperature=0, cache_kv=False)
    np.testing.assert_array_equal(uncached.sampled_token_ids.numpy(), found.sampled_token_ids.numpy())
    one = wrapped.generate(*text, 6, filter_kwargs={"k": 1})
    np.testing.assert_array_equal(one.sampled_token_ids.numpy(), found.sampled_token_ids.numpy())


def test_what_is_put_into_layers_reaches_loss_and_generation(text):
    wrapped, added = XValAutoregressiveWrapper(build(learned_reinject_input_gate=True)), paddle.randn([2, 15, 32]) * 3
    losses = [float(wrapped(*text, in_attn_cond=given)) for given in (added[:, :9], -added[:, :9])]
    assert abs(losses[0] - losses[1]) > 1e-4
    settings = {"temperature": 0, "in_attn_cond": added}
    found, uncached = (wrapped.generate(*text, 6, cache_kv=cached, **settings) for cached in (True, False))
    np.testing.assert_array_equal(uncached.sampled_token_ids.numpy(), found.sampled_token_ids.numpy())
    np.testing.assert_allclose(uncached.sampled_numbers.numpy(), found.sampled_numbers.numpy(), atol=1e-4)
    first = wrapped.net(*text, in_attn_cond=added[:, :9])[0][:, -1].argmax(-1)
    np.testing.assert_array_equal(found.sampled_token_ids[:, 0].numpy(), first.numpy())
    with pytest.raises(InputError, match="in_attn_cond is missing"):
        wrapped(*text)


@pytest.mark.parametrize(
    "around, layers, sentence",
    [
        ({}, Encoder, "attn_layers of XValTransformerWrapper is a Encoder; give a Decoder(...)"),
        ({"logits_dim": 5}, Decoder, "logits_dim=5 differs from num_tokens=20"),
        ({"depth": 2}, Decoder, "XValTransformerWrapper does not take depth=2: it is about the layers"),
        ({"dim_in": 2}, Decoder, "XValTransformerWrapper does not take dim_in=2: it is for other families"),
        ({"num_tokenz": 2}, Decoder, "XValTransformerWrapper has no keyword 'num_tokenz'"),
        ({"numerical_token_id": 20}, Decoder, "numerical_token_id=20 is no token"),
    ],
)
def test_keywords_that_are_refused(around, layers, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        build(around, layers)


@pytest.mark.parametrize("argument", ["cache", "return_intermediates"])
def test_arguments_that_are_refused(text, argument):
    with pytest.raises(InputError, match=f"XValTransformerWrapper does not take {argument}"):
        build()(*text, **{argument: text[0]})


def test_more_that_is_refused(text):
    with pytest.raises(ConfigError, match="net of XValAutoregressiveWrapper is a Linear"):
        XValAutoregressiveWrapper(paddle.nn.Linear(2, 2))
    with pytest.raises(ConfigError, match="numerical_loss_weight=-1.0"):
        XValAutoregressiveWrapper(build(), numerical_loss_weight=-1.0)
    with pytest.raises(InputError, match="at least 2 tokens"):
        XValAutoregressiveWrapper(build())(text[0][:, :1], text[1][:, :1])
    with pytest.raises(InputError, match="return_mems and return_attn exclude each other"):
        build({"max_mem_len": 4})(*text, return_mems=True, return_attn=True)
