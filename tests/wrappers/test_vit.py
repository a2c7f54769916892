"""ViTransformerWrapper: what it holds, what a call gives, and what it refuses."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import ConfigError, Decoder, Encoder, InputError, ViTransformerWrapper, XViTForImageClassification

from .small import STACK, without_gradient

AROUND = {"image_size": 16, "patch_size": 4}


def build(around: dict[str, Any] | None = None, **stack: Any) -> ViTransformerWrapper:
    model = ViTransformerWrapper(
        **{**AROUND, "num_classes": 7, **(around or {})}, attn_layers=Encoder(**STACK, **stack)
    )
    model.eval()
    return model


@pytest.fixture
def images() -> paddle.Tensor:
    return paddle.randn([2, 3, 16, 16])


def test_what_a_call_gives(images):
    model = build()
    logits, embeddings = model(images), model(images, return_embeddings=True)
    assert (logits.shape, embeddings.shape) == ([2, 7], [2, 16, 32])
    both = model(images, return_logits_and_embeddings=True)
    for found, wanted in zip(both, (logits, embeddings), strict=True):
        np.testing.assert_array_equal(found.numpy(), wanted.numpy())


def test_registers_are_left_out(images):
    assert build({"num_register_tokens": 3})(images, return_embeddings=True).shape == [2, 16, 32]


def test_without_classes_it_gives_the_pooled_vector(images):
    model = build({"num_classes": None})
    wanted = model(images, return_embeddings=True).mean(axis=1)
    np.testing.assert_allclose(model(images).numpy(), wanted.numpy(), atol=1e-6)


def test_layers_are_those_that_were_given(images):
    layers = Encoder(**STACK)
    model = ViTransformerWrapper(**AROUND, num_classes=7, emb_dropout=0.1, dropout=0.1, attn_layers=layers)
    assert {id(parameter) for parameter in layers.parameters()} < {id(parameter) for parameter in model.parameters()}
    model(images).sum().backward()
    assert without_gradient(model) == []


@pytest.mark.parametrize(
    "stack, around, learned",
    [
        ({"rotary_pos_emb": True}, {}, True),
        ({"rel_pos_bias": True}, {}, True),
        ({"disable_abs_pos_emb": True}, {}, False),
        ({}, {"use_abs_pos_emb": False}, False),
    ],
)
def test_positions_are_learned_unless_they_are_turned_off(stack, around, learned):
    model = build(around, **stack)
    assert (model.model.base_model.embeddings.position_embeddings is not None) == learned


def test_it_comes_back_from_its_folder(images, tmp_path):
    model = build({"channels": 3, "post_emb_norm": True}, ff_glu=True)
    model.save_pretrained(tmp_path)
    loaded = XViTForImageClassification.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(loaded(images).numpy(), model(images).numpy())


@pytest.mark.parametrize(
    "around, sentence",
    [
        ({"attn_layers": Decoder}, "attn_layers of ViTransformerWrapper is a Decoder; give an Encoder(...)"),
        ({"chanels": 1}, "ViTransformerWrapper has no keyword 'chanels'; did you mean 'channels'?"),
        ({"heads": 1}, "ViTransformerWrapper does not take heads=1: it is about the layers"),
        ({"patch_size": 5}, "image_size=16 is not a multiple of patch_size=5"),
    ],
)
def test_keywords_that_are_refused(around, sentence):
    layers = around.pop("attn_layers", Encoder)(**STACK)
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        ViTransformerWrapper(**{**AROUND, **around}, attn_layers=layers)


def test_outputs_that_exclude_each_other(images):
    with pytest.raises(InputError, match="exclude each other"):
        build()(images, return_embeddings=True, return_logits_and_embeddings=True)
