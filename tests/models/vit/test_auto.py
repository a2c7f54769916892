"""The image family through the Auto classes, PaddleNLP's and our own."""

from __future__ import annotations

import numpy as np
import pytest
from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForCausalLM

import paddle_xformers
from paddle_xformers import (
    AutoModelForImageClassification,
    CheckpointError,
    InputError,
    XViTConfig,
    XViTForImageClassification,
    XViTForMaskedImageModeling,
    XViTModel,
)

from ...contracts.cases import build as build_decoder
from .images import build, images


@pytest.fixture
def saved(tmp_path):
    model = build()
    model.save_pretrained(tmp_path / "my-bert-vit")  # a name that holds those of other families
    return str(tmp_path / "my-bert-vit"), model


def test_each_class(saved):
    path, model = saved
    assert type(AutoConfig.from_pretrained(path)) is XViTConfig
    assert type(AutoModel.from_pretrained(path)) is XViTModel
    loaded = AutoModelForImageClassification.from_pretrained(path)
    assert type(loaded) is XViTForImageClassification
    loaded.eval()
    np.testing.assert_array_equal(loaded(images()).numpy(), model(images()).numpy())
    masked = AutoModel.from_pretrained(path, task="ForMaskedImageModeling")
    assert type(masked) is XViTForMaskedImageModeling


def test_arguments_are_passed_on(saved):
    loaded = AutoModelForImageClassification.from_pretrained(saved[0], image_size=12, attn_dropout=0.25)
    assert (loaded.config.image_size, loaded.config.attn_dropout) == (12, 0.25)
    assert loaded(images(2, 12)).shape == [2, 5]


def test_from_a_config():
    made = AutoModelForImageClassification.from_config(build().config)
    assert type(made) is XViTForImageClassification


def test_what_has_no_such_head_says_which_class_to_use(saved, tmp_path):
    with pytest.raises(InputError, match="paddle_xformers.AutoModelForImageClassification"):
        AutoModelForCausalLM.from_pretrained(saved[0])
    build_decoder({}).save_pretrained(tmp_path / "decoder")
    with pytest.raises(InputError, match="XDecoder has no XDecoderForImageClassification"):
        AutoModelForImageClassification.from_pretrained(str(tmp_path / "decoder"))


def test_missing_folders_are_explained_without_a_request(tmp_path):
    with pytest.raises(CheckpointError, match="there is no folder"):
        AutoModelForImageClassification.from_pretrained(str(tmp_path / "none"))


def test_the_public_name():
    assert paddle_xformers.AutoModelForImageClassification is AutoModelForImageClassification
