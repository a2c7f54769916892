"""Checkpoints that hold more, less or something else than the model: converted, filled up, or refused."""

from __future__ import annotations

import re

import numpy as np
import pytest

from paddle_xformers import XDecoderForCausalLM, XDecoderModel
from paddle_xformers.errors import XFormersError

from ..contracts.cases import SMALL, build, logits, tokens
from .small import assert_same_weights, load, weights

TIED = {"tie_word_embeddings": True}
MEMORY = {"rotary_pos_emb": True, "num_memory_tokens": 2}


@pytest.mark.parametrize("heads", ["base from head", "head from base"])
@pytest.mark.parametrize("safe", [True, False], ids=["safetensors", "pdparams"])
def test_base_and_head_checkpoints_convert(tmp_path, safe, heads):
    head = build(MEMORY)
    saved, wanted = (head, XDecoderModel) if heads == "base from head" else (head.xdecoder, XDecoderForCausalLM)
    saved.save_pretrained(tmp_path, safe_serialization=safe)
    loaded = wanted.from_pretrained(tmp_path)
    assert_same_weights(loaded.base_model, head.xdecoder)
    if wanted is XDecoderForCausalLM:
        assert float(loaded.lm_head.weight.abs().max()) > 0


def test_a_tied_head_from_a_base_checkpoint_is_tied(tmp_path):
    head = build(TIED)
    head.xdecoder.save_pretrained(tmp_path)
    loaded = load(tmp_path)
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight
    np.testing.assert_array_equal(logits(loaded, tokens()), logits(head, tokens()))


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("field", [{}, {"initializer_range": 0.02}], ids=["own values", "initializer_range"])
def test_missing_layers_are_initialised_and_the_rest_is_loaded(tmp_path, field, low_memory):
    model = build(field)
    model.save_pretrained(tmp_path)
    deeper = load(tmp_path, depth=3, low_cpu_mem_usage=low_memory)
    found, expected = weights(deeper), weights(model)
    new = set(found) - set(expected)
    assert new == {name for name in found if re.search(r"stack\.layers\.[45]\.", name)} and new
    for name, value in expected.items():
        np.testing.assert_array_equal(found[name], value, err_msg=name)
    for name in new:
        if name.endswith("norm.weight"):
            np.testing.assert_array_equal(found[name], 1.0)
        elif name.endswith("proj.weight"):
            expected_spread = field.get("initializer_range", found[name].shape[0] ** -0.5 / 3**0.5)
            assert found[name].std() == pytest.approx(expected_spread, rel=0.15), name
    assert np.isfinite(logits(deeper, tokens())).all()


def test_layers_too_many_in_the_checkpoint_are_left_out(tmp_path):
    model = build({})
    model.save_pretrained(tmp_path)
    shallow = weights(load(tmp_path, depth=1))
    assert not any("layers.2." in name for name in shallow)
    for name, value in shallow.items():
        np.testing.assert_array_equal(value, weights(model)[name], err_msg=name)


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("way", [{}, {"safe_serialization": False}, {"max_shard_size": "70KB"}], ids=str)
def test_other_sizes_are_refused_with_both_shapes(tmp_path, way, low_memory):
    build({}).save_pretrained(tmp_path, **way)
    with pytest.raises(XFormersError) as caught:
        load(tmp_path, ff_dim=96, low_cpu_mem_usage=low_memory)
    sentence = str(caught.value)
    assert "ignore_mismatched_sizes" in sentence
    assert re.search(r"32, 128\b", sentence) and re.search(r"32, 96\b", sentence)


@pytest.mark.parametrize("low_memory", [False, True])
@pytest.mark.parametrize("way", [{}, {"max_shard_size": "70KB"}], ids=str)
def test_other_sizes_may_be_ignored(tmp_path, way, low_memory):
    model = build({})
    model.save_pretrained(tmp_path, **way)
    loaded = load(tmp_path, ff_dim=96, ignore_mismatched_sizes=True, low_cpu_mem_usage=low_memory)
    found, expected = weights(loaded), weights(model)
    for name, value in found.items():
        if value.shape == expected[name].shape:
            np.testing.assert_array_equal(value, expected[name], err_msg=name)
        else:
            assert ".ff." in name
            assert 0 < np.abs(value).max() < 1
    assert np.isfinite(logits(loaded, tokens())).all()


def test_a_larger_vocabulary_may_be_asked_for_while_loading(tmp_path):
    model = build({})
    model.save_pretrained(tmp_path)
    loaded = load(tmp_path, vocab_size=40, ignore_mismatched_sizes=True)
    assert loaded.config.num_tokens == SMALL["num_tokens"] + 3
    assert logits(loaded, tokens()).shape[-1] == 40


def test_state_dict_in_place_of_the_saved_weights(tmp_path):
    model, other = build({}, seed=1), build({}, seed=2)
    model.save_pretrained(tmp_path)
    assert_same_weights(load(tmp_path, state_dict=other.state_dict()), other)


def test_state_dict_in_place_of_the_own_weights(tmp_path):
    model, other = build({}, seed=1), build({}, seed=2)
    model.save_pretrained(tmp_path, state_dict=other.state_dict())
    assert_same_weights(load(tmp_path), other)
