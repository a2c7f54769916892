"""The encoder through PaddleNLP's Auto classes."""

from __future__ import annotations

import numpy as np
import pytest
from paddlenlp.transformers import (
    AutoConfig,
    AutoModel,
    AutoModelForCausalLM,
    AutoModelForMaskedLM,
    AutoModelForMultipleChoice,
    AutoModelForQuestionAnswering,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
)

import paddle_xformers
from paddle_xformers import InputError, XEncoderConfig, XEncoderForMaskedLM, XEncoderModel

from .small import SMALL, build, tokens

HEADS = {
    "ForMaskedLM": AutoModelForMaskedLM,
    "ForSequenceClassification": AutoModelForSequenceClassification,
    "ForTokenClassification": AutoModelForTokenClassification,
    "ForQuestionAnswering": AutoModelForQuestionAnswering,
    "ForMultipleChoice": AutoModelForMultipleChoice,
    "Model": AutoModel,
}


@pytest.mark.parametrize(("suffix", "auto"), HEADS.items(), ids=HEADS)
def test_every_head_is_found(tmp_path, suffix, auto):
    """From the checkpoint of the masked language model, as in fine-tuning, and from a configuration."""
    wanted = getattr(paddle_xformers, f"XEncoder{suffix}")
    model = build(XEncoderForMaskedLM, type_vocab_size=2)
    model.save_pretrained(tmp_path)
    loaded = auto.from_pretrained(str(tmp_path), num_labels=5)
    assert type(loaded) is wanted and loaded.config.num_labels == 5
    kept = loaded.base_model.state_dict()
    for name, value in model.xencoder.state_dict().items():
        np.testing.assert_array_equal(kept[name].numpy(), value.numpy(), err_msg=name)
    assert type(auto.from_config(XEncoderConfig(**SMALL))) is wanted


def test_its_own_checkpoint_gives_the_same(tmp_path):
    model = build(XEncoderModel, pooler="attention", pooler_dense=True)
    model.save_pretrained(tmp_path)
    loaded = AutoModel.from_pretrained(str(tmp_path))
    loaded.eval()
    for found, expected in zip(loaded(tokens()), model(tokens()), strict=True):
        np.testing.assert_array_equal(found.numpy(), expected.numpy())
    assert type(AutoConfig.from_pretrained(str(tmp_path))) is XEncoderConfig


def test_a_head_that_the_family_has_not(tmp_path):
    build(XEncoderForMaskedLM).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="XEncoder has no XEncoderForCausalLM. Use one of: .*AutoModelForMaskedLM"):
        AutoModelForCausalLM.from_pretrained(str(tmp_path))
