"""The encoder-decoder through PaddleNLP's Auto classes."""

from __future__ import annotations

import numpy as np
import pytest
from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForConditionalGeneration

from paddle_xformers import InputError, XSeq2Seq, XSeq2SeqConfig, XSeq2SeqForConditionalGeneration, XSeq2SeqModel

from ..small import assert_same_weights
from .small import SMALL, build, run, source, target


@pytest.fixture
def saved(tmp_path):
    model = build({"tie_token_emb": True, "dec_use_rmsnorm": True})
    model.save_pretrained(tmp_path / "my-t5-bart")  # a name that holds those of other families
    return str(tmp_path / "my-t5-bart"), model


def test_config_with_overrides_in_any_spelling(saved):
    path, model = saved
    config = AutoConfig.from_pretrained(path, enc_attn_flash=False)
    assert type(config) is XSeq2SeqConfig
    assert config.values() == {**model.config.values(), "enc_attn_kernel": "eager"}


def test_head_and_base(saved):
    path, model = saved
    head, base = AutoModelForConditionalGeneration.from_pretrained(path), AutoModel.from_pretrained(path)
    assert type(head) is XSeq2SeqForConditionalGeneration is XSeq2Seq and type(base) is XSeq2SeqModel
    assert_same_weights(head, model)
    assert_same_weights(base, model.xseq2seq)
    head.eval()
    given = {"input_ids": source(), "decoder_input_ids": target()}
    np.testing.assert_array_equal(run(head, **given), run(model, **given))


def test_models_from_a_config():
    config = XSeq2SeqConfig(**SMALL)
    assert type(AutoModelForConditionalGeneration.from_config(config)) is XSeq2SeqForConditionalGeneration
    assert type(AutoModel.from_config(config)) is XSeq2SeqModel


def test_a_head_that_the_family_has_not(saved):
    with pytest.raises(InputError, match="XSeq2SeqForCausalLM.*AutoModelForConditionalGeneration"):
        AutoModelForCausalLM.from_pretrained(saved[0])
