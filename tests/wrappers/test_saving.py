"""What a wrapper saves is a model of its family."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_xformers import XDecoderForCausalLM, XDecoderModel, XEncoderForMaskedLM

from .small import encoder_model, language_model, tokens


@pytest.mark.parametrize("around", [{}, {"tie_embedding": True, "num_memory_tokens": 2, "max_mem_len": 4}])
def test_a_language_model_comes_back(tmp_path, around):
    model, x = language_model(around=around, ff_glu=True, use_rmsnorm=True), tokens()
    model.save_pretrained(tmp_path)
    loaded = XDecoderForCausalLM.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())
    base = XDecoderModel.from_pretrained(tmp_path)
    base.eval()
    hidden = base(x, return_dict=True).last_hidden_state
    np.testing.assert_array_equal(hidden.numpy(), model(x, return_embeddings=True).numpy())
    assert loaded.config.norm == "rmsnorm"


def test_an_encoder_comes_back(tmp_path):
    model, x = encoder_model(around={"num_memory_tokens": 2}, alibi_pos_bias=True), tokens()
    model.save_pretrained(tmp_path)
    loaded = XEncoderForMaskedLM.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())


def test_the_auto_classes_know_it(tmp_path):
    from paddlenlp.transformers import AutoModelForCausalLM

    model, x = language_model(), tokens()
    model.save_pretrained(tmp_path)
    loaded = AutoModelForCausalLM.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(loaded(x).numpy(), model(x).numpy())
