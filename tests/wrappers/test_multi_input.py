"""MultiInputTransformerWrapper: what it holds, what a call gives, and what it refuses."""

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
    MultiInputTransformerWrapper,
    XMultiInputForCausalLM,
    XMultiInputModel,
)

from .small import STACK, without_gradient

SIZES = {"note": 20, "pitch": 32, "tone": 16}


def build(around: dict[str, Any] | None = None, layers: type = Decoder, **stack: Any) -> MultiInputTransformerWrapper:
    paddle.seed(0)
    given = {"num_tokens": SIZES, "max_seq_len": 24, **(around or {})}
    model = MultiInputTransformerWrapper(**given, attn_layers=layers(**STACK, **stack))
    model.eval()
    return model


@pytest.fixture
def x() -> dict[str, paddle.Tensor]:
    return {name: paddle.randint(0, size, [2, 9]) for name, size in SIZES.items()}


def test_what_a_call_gives(x):
    model = build()
    logits = model(x)
    assert {name: part.shape for name, part in logits.items()} == {name: [2, 9, n] for name, n in SIZES.items()}
    hidden = model(x, return_embeddings=True)
    both, again = model(x, return_logits_and_embeddings=True)
    np.testing.assert_allclose(again.numpy(), hidden.numpy(), atol=1e-6)
    np.testing.assert_array_equal(both["tone"].numpy(), logits["tone"].numpy())
    _, maps = model(x, return_attn=True)
    assert [tuple(weights.shape) for weights in maps] == [(2, 4, 9, 9)] * 2
    sum(part.sum() for part in logits.values()).backward()
    assert without_gradient(model) == []


def test_without_heads(x):
    model = build({"return_only_embed": True})
    assert type(model.model) is XMultiInputModel
    assert model(x).shape == [2, 9, 32]
    with pytest.raises(InputError, match="return_logits_and_embeddings needs heads"):
        model(x, return_logits_and_embeddings=True)


def test_mems_masks_and_sums(x):
    model = build({"max_mem_len": 4}, rotary_pos_emb=True)
    halves = [{name: ids[:, part] for name, ids in x.items()} for part in (slice(0, 4), slice(4, 9))]
    _, mems = model(halves[0], return_mems=True)
    assert np.abs(model(halves[1], mems=mems)["note"].numpy() - model(halves[1])["note"].numpy()).max() > 1e-3
    mask = paddle.arange(9).expand([2, 9]) < 4
    for name, found in model(x, mask=mask).items():
        np.testing.assert_allclose(found[:, :4].numpy(), model(halves[0])[name].numpy(), atol=1e-5)
    more = model(x, sum_embeds=paddle.randn([2, 9, 32]))["note"].numpy()
    assert np.abs(more - model(x)["note"].numpy()).max() > 1e-3


def test_it_comes_back_from_its_folder(x, tmp_path):
    model = build({"num_memory_tokens": 2, "emb_dim": 16})
    model.save_pretrained(tmp_path)
    loaded = XMultiInputForCausalLM.from_pretrained(tmp_path)
    loaded.eval()
    for name, found in loaded(x).items():
        np.testing.assert_array_equal(found.numpy(), model(x)[name].numpy())


@pytest.mark.parametrize(
    "around, layers, sentence",
    [
        ({}, Encoder, "attn_layers of MultiInputTransformerWrapper is a Encoder; give a Decoder(...)"),
        ({"num_tokens": 5}, Decoder, "num_tokens=5 is no size for each stream"),
        ({"depth": 2}, Decoder, "MultiInputTransformerWrapper does not take depth=2: it is about the layers"),
        ({"tie_embedding": True}, Decoder, "does not take tie_embedding=True: it is for other families"),
        ({"num_tokenz": 2}, Decoder, "MultiInputTransformerWrapper has no keyword 'num_tokenz'"),
    ],
)
def test_keywords_that_are_refused(around, layers, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        build(around, layers)


@pytest.mark.parametrize("argument", ["cache", "return_intermediates"])
def test_arguments_that_are_refused(x, argument):
    with pytest.raises(InputError, match=f"MultiInputTransformerWrapper does not take {argument}"):
        build()(x, **{argument: x["note"]})


def test_more_that_is_refused(x):
    with pytest.raises(InputError, match="x holds the streams"):
        build()({"note": x["note"]})
    with pytest.raises(InputError, match="return_mems and return_attn exclude each other"):
        build({"max_mem_len": 4})(x, return_mems=True, return_attn=True)
