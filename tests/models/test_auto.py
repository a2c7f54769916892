"""The decoder through PaddleNLP's Auto classes; how families are registered is tested in tests/test_auto.py."""

from __future__ import annotations

import numpy as np
import pytest
from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoModelForMaskedLM

import paddle_xformers
from paddle_xformers import (
    CheckpointError,
    ConfigError,
    InputError,
    XDecoderConfig,
    XDecoderForCausalLM,
    XDecoderModel,
)

from ..contracts.cases import SMALL, build, logits, tokens
from .small import assert_same_weights

FIELDS = {"rotary_pos_emb": True, "norm": "rmsnorm", "tie_word_embeddings": True}


@pytest.fixture
def saved(tmp_path):
    model = build(FIELDS)
    model.save_pretrained(tmp_path / "my-llama-gpt")  # a name that holds those of other families
    return str(tmp_path / "my-llama-gpt"), model


def test_config_with_overrides_in_any_spelling(saved):
    path, model = saved
    config = AutoConfig.from_pretrained(path)
    assert type(config) is XDecoderConfig and config.values() == model.config.values()
    assert AutoConfig.from_pretrained(path, hidden_size=48).dim == 48
    assert AutoConfig.from_pretrained(path, attn_flash=False).attn_kernel == "eager"
    with pytest.raises(ConfigError, match="attn_dropout"):
        AutoConfig.from_pretrained(path, attn_droput=0.1)


def test_head_and_base(saved):
    path, model = saved
    head, base = AutoModelForCausalLM.from_pretrained(path), AutoModel.from_pretrained(path)
    assert type(head) is XDecoderForCausalLM and type(base) is XDecoderModel
    assert_same_weights(head, model)
    assert_same_weights(base, model.xdecoder)
    head.eval()
    np.testing.assert_array_equal(logits(head, tokens()), logits(model, tokens()))


def test_arguments_are_passed_on(saved):
    path, model = saved
    loaded = AutoModelForCausalLM.from_pretrained(path, layer_dropout=0.25, low_cpu_mem_usage=True)
    assert loaded.config.layer_dropout == 0.25
    assert loaded.lm_head.weight is loaded.get_input_embeddings().weight
    assert_same_weights(loaded, model)


def test_head_from_a_base_checkpoint_and_back(tmp_path, saved):
    _, model = saved
    model.xdecoder.save_pretrained(tmp_path / "base")
    head = AutoModelForCausalLM.from_pretrained(str(tmp_path / "base"))
    assert type(head) is XDecoderForCausalLM
    assert_same_weights(head.xdecoder, model.xdecoder)


def test_models_from_a_config():
    config = XDecoderConfig(**SMALL)
    assert type(AutoModelForCausalLM.from_config(config)) is XDecoderForCausalLM
    assert type(AutoModel.from_config(config)) is XDecoderModel


def test_a_head_that_the_family_has_not(saved):
    with pytest.raises(InputError) as caught:
        AutoModelForMaskedLM.from_pretrained(saved[0])
    sentence = str(caught.value)
    assert "XDecoderForMaskedLM" in sentence and "AutoModelForCausalLM" in sentence


def test_damaged_checkpoints_are_explained(saved, tmp_path):
    file = tmp_path / "my-llama-gpt" / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="model.safetensors"):
        AutoModelForCausalLM.from_pretrained(saved[0])
    file.unlink()
    with pytest.raises(CheckpointError, match="holds no weights"):
        AutoModelForCausalLM.from_pretrained(saved[0])


def test_registering_twice_changes_nothing(saved):
    lookup = AutoModel._get_model_class_from_config.__func__
    for _ in range(2):
        paddle_xformers.register()
    assert AutoModel._get_model_class_from_config.__func__ is lookup
    assert type(AutoModelForCausalLM.from_pretrained(saved[0])) is XDecoderForCausalLM


def test_llama_of_paddlenlp_still_works_beside_ours(saved, tmp_path):
    from paddlenlp.transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=37, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    llama = LlamaForCausalLM(config)
    llama.eval()
    llama.save_pretrained(str(tmp_path / "xdecoder"))
    loaded = AutoModelForCausalLM.from_pretrained(str(tmp_path / "xdecoder"))
    loaded.eval()
    assert type(loaded) is LlamaForCausalLM
    found, wanted = (model(tokens(), return_dict=True).logits.numpy() for model in (loaded, llama))
    np.testing.assert_array_equal(found, wanted)
    assert type(AutoModelForCausalLM.from_pretrained(saved[0])) is XDecoderForCausalLM
