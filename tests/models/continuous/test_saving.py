"""Checkpoints of the family, and PaddleNLP's Auto classes."""

from __future__ import annotations

import json

import numpy as np
import pytest
from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForCausalLM

from paddle_xformers import InputError, XContinuousConfig, XContinuousForRegression, XContinuousModel

from ..small import assert_same_weights
from .vectors import BUNDLES, build, inputs_of

each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)


@each_bundle
def test_saving_and_loading_is_the_identity(fields, tmp_path):
    model = build(**fields)
    model.save_pretrained(tmp_path)
    loaded = XContinuousForRegression.from_pretrained(tmp_path)
    loaded.eval()
    assert loaded.config.values() == model.config.values()
    assert XContinuousConfig.from_dict(json.loads(model.config.to_json_string())).values() == model.config.values()
    assert_same_weights(loaded, model)
    x = inputs_of(model)
    np.testing.assert_array_equal(
        loaded(x, return_dict=True).predictions.numpy(), model(x, return_dict=True).predictions.numpy()
    )


def test_auto_classes(tmp_path):
    model = build(causal=True)
    model.save_pretrained(tmp_path)
    config = AutoConfig.from_pretrained(str(tmp_path), causal=False)
    assert type(config) is XContinuousConfig and config.causal is False and config.dim_in == 6
    base = AutoModel.from_pretrained(str(tmp_path))
    assert type(base) is XContinuousModel
    assert_same_weights(base, model.xcontinuous)
    head = AutoModel.from_pretrained(str(tmp_path), task="ForRegression")
    assert type(head) is XContinuousForRegression
    assert_same_weights(head, model)
    with pytest.raises(InputError, match=r"AutoModel \(XContinuousModel\).*XContinuousForRegression"):
        AutoModelForCausalLM.from_pretrained(str(tmp_path))


def test_a_base_checkpoint_gives_the_body_of_a_head(tmp_path):
    model = build()
    model.xcontinuous.save_pretrained(tmp_path)
    loaded = XContinuousForRegression.from_pretrained(tmp_path)
    assert_same_weights(loaded.xcontinuous, model.xcontinuous)


def test_a_variance_beside_trained_means(tmp_path):
    """A model that learned means takes a variance later: names of parameters do not depend on it."""
    model = build()
    model.save_pretrained(tmp_path)
    loaded = XContinuousForRegression.from_pretrained(tmp_path, probabilistic=True)
    loaded.eval()
    x = inputs_of(model)
    np.testing.assert_array_equal(loaded(x, return_dict=True).predictions.numpy(), model(x).numpy())
    assert loaded(x, return_dict=True).variances.shape == [2, 10, 6]
