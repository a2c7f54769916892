"""TransformerWrapper: what it holds, what a call gives, and what it refuses."""

from __future__ import annotations

import re

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    ConfigError,
    Decoder,
    Encoder,
    InputError,
    TransformerWrapper,
    XDecoderForCausalLM,
    XDecoderModel,
)

from .small import AROUND, STACK, encoder_model, language_model, tokens, without_gradient


def test_the_layers_are_those_that_were_given():
    layers = Decoder(**STACK)
    model = TransformerWrapper(**AROUND, attn_layers=layers)
    assert type(model.model) is XDecoderForCausalLM
    assert model.model.xdecoder.stack.layers is layers.stack.layers
    given = {id(parameter) for parameter in layers.parameters()}
    held = [id(parameter) for parameter in model.parameters()]
    assert given < set(held)
    assert len(held) == len(set(held)) == len(model.state_dict())


def test_two_wrappers_may_share_layers():
    layers = Decoder(**STACK, rotary_pos_emb=True)
    first = TransformerWrapper(**AROUND, attn_layers=layers)
    second = TransformerWrapper(num_tokens=9, max_seq_len=40, max_mem_len=5, attn_layers=layers)
    assert second(paddle.zeros([1, 40], dtype="int64"), return_mems=True)[1][0].shape == [1, 5, 32]
    with pytest.raises(InputError, match="max_mem_len"):
        first(tokens(), return_mems=True)


@pytest.mark.parametrize("build", [language_model, encoder_model])
def test_what_a_call_gives(build):
    model, x = build(), tokens()
    logits = model(x)
    embeddings = model(x, return_embeddings=True)
    assert (logits.shape, embeddings.shape) == ([2, 12, 50], [2, 12, 32])
    both = model(x, return_logits_and_embeddings=True)
    for ours, expected in zip(both, (logits, embeddings), strict=True):
        np.testing.assert_array_equal(ours.numpy(), expected.numpy())
    out, maps = model(x, return_attn=True)
    assert [tuple(weights.shape) for weights in maps] == [(2, 4, 12, 12)] * 2
    np.testing.assert_allclose(out.numpy(), logits.numpy(), atol=1e-6)
    np.testing.assert_allclose(maps[0].sum(-1).numpy(), 1.0, atol=1e-5)


@pytest.mark.parametrize("build", [language_model, encoder_model])
def test_attention_maps_in_the_order_of_the_layers(build):
    model = build(cross_attend=True)
    _, maps = model(tokens(), context=paddle.randn([2, 5, 32]), return_attn=True)
    assert [weights.shape[-1] for weights in maps] == [12, 5, 12, 5]


def test_without_a_head():
    layers = Decoder(**STACK)
    model = TransformerWrapper(**AROUND, attn_layers=layers, return_only_embed=True)
    assert type(model.model) is XDecoderModel
    assert model(tokens()).shape == [2, 12, 32]
    with pytest.raises(InputError, match="return_only_embed=True built none"):
        model(tokens(), return_logits_and_embeddings=True)


def test_mems_go_round():
    model = language_model(around={"max_mem_len": 8}, rotary_pos_emb=True)
    x = tokens(n=16)
    whole = model(x).numpy()
    first, mems = model(x[:, :8], return_mems=True)
    assert [tuple(states.shape) for states in mems] == [(2, 8, 32)] * 2
    second, more = model(x[:, 8:], mems=mems, return_mems=True)
    assert len(more) == 2
    np.testing.assert_allclose(np.concatenate([first.numpy(), second.numpy()], 1)[:, :8], whole[:, :8], atol=1e-5)
    assert np.abs(second.numpy() - model(x[:, 8:]).numpy()).max() > 1e-3, "mems are read"
    plain = [states.detach() for states in mems]  # a list of one's own has no padding
    np.testing.assert_array_equal(model(x[:, 8:], mems=plain).numpy(), second.numpy())


def test_mems_remember_padding():
    model = language_model(around={"max_mem_len": 8}, rotary_pos_emb=True)
    x = tokens(n=16)
    mask = paddle.ones([2, 8], dtype="bool")
    mask[:, :3] = False
    _, padded = model(x[:, :8], mask=mask, return_mems=True)
    _, short = model(x[:, 3:8], return_mems=True)
    np.testing.assert_allclose(model(x[:, 8:], mems=padded).numpy(), model(x[:, 8:], mems=short).numpy(), atol=1e-5)


def test_positions_and_sums():
    model, x = language_model(), tokens()
    places = paddle.arange(3, 15)
    expected = model.model(x, position_ids=places.unsqueeze(0).expand([2, 12]))
    np.testing.assert_array_equal(model(x, pos=places).numpy(), expected.numpy())
    extra = paddle.randn([2, 12, 32])
    table = model.model.xdecoder.embeddings.word_embeddings
    expected = model.model(inputs_embeds=table(x) + extra)
    np.testing.assert_allclose(model(x, sum_embeds=extra).numpy(), expected.numpy(), atol=1e-5)


@pytest.mark.parametrize("build", [language_model, encoder_model])
def test_left_padding(build):
    model, x = build(), tokens()
    alone = model(x[:, 4:]).numpy()
    mask = (paddle.arange(12) >= 4).expand([2, 12])
    for given in ({"mask": mask}, {"seq_start_pos": paddle.to_tensor([4, 4])}):
        np.testing.assert_allclose(model(x, **given)[:, 4:].numpy(), alone, atol=1e-5)
    every = paddle.ones([12, 12], dtype="bool")
    np.testing.assert_allclose(model(x, mask=mask, attn_mask=every)[:, 4:].numpy(), alone, atol=1e-5)


def test_training_mode_reaches_the_layers():
    layers = Encoder(**STACK, attn_dropout=0.5, ff_dropout=0.5)
    model = TransformerWrapper(**AROUND, attn_layers=layers)
    x = tokens()
    model.train()
    assert (model(x) != model(x)).any()
    model.eval()
    assert (model(x) == model(x)).all()


@pytest.mark.parametrize("build", [language_model, encoder_model])
def test_gradients_reach_every_parameter(build):
    model = build(around={"num_memory_tokens": 2, "post_emb_norm": True, "emb_dim": 20})
    (model(tokens()) * paddle.randn([2, 12, 50])).sum().backward()
    assert without_gradient(model) == []


def test_state_dict_goes_round():
    first, second, x = language_model(), language_model(), tokens()
    assert (first(x) != second(x)).any()
    missing, unexpected = second.set_state_dict(first.state_dict())
    assert (missing, unexpected) == ([], [])
    np.testing.assert_array_equal(first(x).numpy(), second(x).numpy())


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        ({"cache": 1}, "TransformerWrapper does not take cache: AutoregressiveWrapper.generate keeps"),
        (
            {"return_embeddings_and_intermediates": True},
            "TransformerWrapper does not take return_embeddings_and_intermediates: ask for return_embeddings",
        ),
        ({"contxt": 1}, "TransformerWrapper has no argument 'contxt'; did you mean 'context'"),
        ({"return_mems": True, "return_attn": True}, "return_mems and return_attn exclude each other"),
        ({"mask": paddle.ones([12])}, "mask has shape [12]; give (batch, length)"),
        ({"attn_mask": paddle.ones([12])}, "attn_mask has shape [12]; give (n, n)"),
    ],
)
def test_arguments_that_are_refused(arguments, sentence):
    with pytest.raises(InputError, match=re.escape(sentence)):
        language_model()(tokens(), **arguments)


def test_arguments_that_change_nothing_are_taken():
    model, x = language_model(), tokens()
    np.testing.assert_array_equal(model(x, cache=None, return_intermediates=False).numpy(), model(x).numpy())


def test_intermediates():
    model, x = language_model(around={"num_memory_tokens": 2, "max_mem_len": 4}), tokens()
    logits, found = model(x, return_intermediates=True)
    np.testing.assert_allclose(logits.numpy(), model(x).numpy(), atol=1e-5)  # other kernels keep no weights
    np.testing.assert_array_equal(found.logits.numpy(), logits.numpy())
    np.testing.assert_allclose(found.last_hidden.numpy(), model(x, return_embeddings=True).numpy(), atol=1e-5)
    weights = model(x, return_attn=True)[1]
    for layer, expected in zip(found.attn_intermediates, weights, strict=True):
        np.testing.assert_array_equal(layer.post_softmax_attn.numpy(), expected.numpy())
    assert {layer.layer_type for layer in found.attn_intermediates} == {"a"} and found.mems is None
    _, found = model(x, return_intermediates=True, return_mems=True)
    for part, expected in zip(found.mems, model(x, return_mems=True)[1], strict=True):
        np.testing.assert_allclose(part.numpy(), expected.numpy(), atol=1e-5)
    hidden, found = model(x, return_embeddings=True, return_intermediates=True)
    assert found.logits is None
    np.testing.assert_array_equal(hidden.numpy(), found.last_hidden.numpy())
    both, found = model(x, return_logits_and_embeddings=True, return_intermediates=True)
    np.testing.assert_array_equal(both[1].numpy(), found.last_hidden.numpy())


def test_an_encoder_keeps_no_mems():
    with pytest.raises(InputError, match="mems and return_mems need a Decoder"):
        encoder_model()(tokens(), return_mems=True)
    with pytest.raises(ConfigError, match="does not take max_mem_len=5: it is for a Decoder only"):
        encoder_model(around={"max_mem_len": 5})
