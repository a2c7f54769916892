"""The token embedding, the output head, what ties them, and changes of the size of the vocabulary."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError, XDecoderConfig, XDecoderForCausalLM, XDecoderModel

from ..contracts.cases import SMALL, build, logits, tokens
from .small import assert_same_weights, load, weights

TIED = {"tie_word_embeddings": True}
CASES = {
    "untied": {},
    "tied": TIED,
    "untied with bias": {"logits_bias": True},
    "tied with bias": {**TIED, "logits_bias": True},
    "narrow embedding": {"emb_dim": 16},
}
each_case = pytest.mark.parametrize("fields", CASES.values(), ids=CASES)
each_size = pytest.mark.parametrize("size", [47, 22], ids=["10 more", "15 fewer"])


def is_tied(model: XDecoderForCausalLM) -> bool:
    return model.lm_head.weight is model.get_input_embeddings().weight


def train_step(model: XDecoderForCausalLM) -> None:
    optimizer = paddle.optimizer.AdamW(1e-2, parameters=model.parameters())
    model.train()
    ids = tokens(vocabulary=20)
    loss, _ = model(ids, labels=ids)
    loss.backward()
    optimizer.step()
    optimizer.clear_grad()
    model.eval()


def test_a_tied_head_is_the_embedding(tmp_path):
    model = build(TIED)
    assert is_tied(model)
    assert len([p for p in model.parameters() if p.shape == [37, 32]]) == 1
    train_step(model)
    assert is_tied(model)
    model.save_pretrained(tmp_path)
    for low_memory in (False, True):
        loaded = load(tmp_path, low_cpu_mem_usage=low_memory)
        assert is_tied(loaded)
        np.testing.assert_array_equal(logits(loaded, tokens()), logits(model, tokens()))
        train_step(loaded)
        assert is_tied(loaded)
        np.testing.assert_array_equal(*[weights(loaded)[k] for k in ("lm_head.weight", EMBEDDING)])


EMBEDDING = "xdecoder.embeddings.word_embeddings.weight"


def test_an_untied_head_is_its_own():
    model = build({})
    assert not is_tied(model)
    before = model.get_input_embeddings().weight.numpy()
    with paddle.no_grad():
        model.lm_head.weight.set_value(model.lm_head.weight * 2)
    np.testing.assert_array_equal(model.get_input_embeddings().weight.numpy(), before)


def test_both_uses_of_a_tied_weight_give_it_a_gradient():
    model = build(TIED)
    model(tokens(), labels=tokens())[0].backward()
    gradient = model.get_input_embeddings().weight.grad.numpy()
    assert (np.abs(gradient).max(-1) > 0).all()  # rows of tokens that are not in the input get theirs from the head


@each_size
@each_case
def test_resizing_keeps_rows_and_the_head_follows(fields, size):
    model = build(fields)
    before, ids = weights(model), tokens(vocabulary=20)
    expected = logits(model, ids)
    embedding = model.resize_token_embeddings(size)
    assert embedding is model.get_input_embeddings()
    assert model.config.num_tokens == model.config.vocab_size == size
    assert model.xdecoder.config is model.config
    kept = min(size, 37)
    after = weights(model)
    for name, value in after.items():
        if value.shape[0] == size and before[name].shape[0] == 37:
            np.testing.assert_array_equal(value[:kept], before[name][:kept], err_msg=name)
        else:
            np.testing.assert_array_equal(value, before[name], err_msg=name)
    assert embedding.weight.shape[0] == model.lm_head.weight.shape[0] == size
    assert np.isfinite(after[EMBEDDING]).all()
    assert is_tied(model) == fields.get("tie_word_embeddings", False)
    np.testing.assert_allclose(logits(model, ids)[..., :kept], expected[..., :kept], atol=1e-6)


@each_size
@each_case
def test_a_resized_model_trains_generates_and_is_saved(tmp_path, fields, size):
    model = build(fields)
    model.resize_token_embeddings(size)
    ids = tokens(vocabulary=20)
    loss, scores = model(ids, labels=ids)
    assert scores.shape == [2, 14, size]
    loss.backward()
    assert all(p.grad is not None for name, p in model.named_parameters() if "lm_head" in name or name == EMBEDDING)
    model.clear_gradients()
    train_step(model)
    assert model.generate(ids, max_new_tokens=2)[0].shape == [2, 2]
    model.save_pretrained(tmp_path)
    loaded = load(tmp_path)
    assert loaded.config.num_tokens == size
    assert_same_weights(loaded, model)
    np.testing.assert_array_equal(logits(loaded, ids), logits(model, ids))


def test_new_rows_are_small_as_those_of_a_new_model():
    model = XDecoderForCausalLM(XDecoderConfig(**{**SMALL, "dim": 64, "initializer_range": 0.02}))
    model.resize_token_embeddings(137)
    assert model.get_input_embeddings().weight[37:].numpy().std() == pytest.approx(0.02, rel=0.2)
    assert model.lm_head.weight[37:].numpy().std() == pytest.approx(0.02, rel=0.2)


def test_resizing_a_model_without_head():
    model = XDecoderModel(XDecoderConfig(**SMALL))
    assert model.resize_token_embeddings(47).weight.shape == [47, 32]
    assert model.config.num_tokens == 47
    assert model(paddle.to_tensor([[46]]))[0].shape == [1, 1, 32]


def test_resizing_in_half_precision():
    model = build({})
    model.to(dtype="bfloat16")
    model.resize_token_embeddings(47)
    assert {p.dtype for p in model.parameters()} == {paddle.bfloat16}


@pytest.mark.parametrize("size", [None, 37])
def test_resizing_to_the_same_size_changes_nothing(size):
    model = build({})
    before, head, embedding = weights(model), model.lm_head, model.get_input_embeddings()
    assert model.resize_token_embeddings(size) is embedding
    assert model.lm_head is head
    assert_same_weights(model, build({}))
    assert weights(model).keys() == before.keys()


@pytest.mark.parametrize("size", [0, -5])
def test_an_impossible_size_is_refused(size):
    model = build({})
    with pytest.raises(InputError, match=f"new_num_tokens={size}.*at least 1"):
        model.resize_token_embeddings(size)
    assert model.config.num_tokens == 37


def test_resizing_there_and_back():
    model = build({})
    expected = logits(model, tokens())
    model.resize_token_embeddings(60)
    model.resize_token_embeddings(37)
    np.testing.assert_allclose(logits(model, tokens()), expected, atol=1e-6)


def test_getting_and_setting_embeddings():
    model = build({})
    assert model.get_input_embeddings() is model.xdecoder.embeddings.word_embeddings
    assert model.get_output_embeddings() is model.lm_head
    assert model.xdecoder.get_output_embeddings() is None
    new = paddle.nn.Embedding(37, 32)
    model.set_input_embeddings(new)
    assert model.get_input_embeddings() is new
    assert model.xdecoder.get_input_embeddings() is new
    assert weights(model)[EMBEDDING] is not None


def test_the_scale_of_a_tied_head():
    plain, scaled = build(TIED), build({**TIED, "tie_embedding_scale": 2.0})
    np.testing.assert_allclose(logits(scaled, tokens()), logits(plain, tokens()) * 2 * 32**0.5, rtol=1e-4)
