"""Presets have the published numbers of parameters, and counting is that of the models really built."""

from __future__ import annotations

import math
import resource
import threading
from typing import Any

import numpy as np
import paddle
import pytest
from paddle import nn

import paddle_xformers
from paddle_xformers import (
    ConfigError,
    InputError,
    XCaptionConfig,
    XDecoderConfig,
    XDecoderForCausalLM,
    XDecoderModel,
    XEncoderConfig,
    XEncoderForMaskedLM,
    XSeq2SeqConfig,
    XViTConfig,
    XViTForImageClassification,
)
from paddle_xformers.config.presets import PRESETS
from paddle_xformers.config.presets.page import FAMILIES
from paddle_xformers.models.configuration import XPretrainedConfig
from paddle_xformers.models.counting import shapes_only

from ..contracts.cases import SUBJECTS, cases_of
from ..contracts.subjects.subject import Subject

CONFIGS = {config.model_type: config for config in (XDecoderConfig, XEncoderConfig, XSeq2SeqConfig, XViTConfig)}
NAMED = [pytest.param(CONFIGS[family], name, id=name) for family, table in PRESETS.items() for name in table]
ALL_CONFIGS = [
    value
    for name in paddle_xformers.models.__all__
    if name.endswith("Config") and (value := getattr(paddle_xformers.models, name)) is not XPretrainedConfig
]


@pytest.mark.parametrize(("config", "name"), NAMED)
def test_a_preset_has_the_published_number_of_parameters(config, name):
    assert config.preset(name).num_parameters() == PRESETS[config.model_type][name].parameters


@pytest.mark.parametrize(("config", "name"), NAMED)
def test_a_preset_states_only_what_differs_from_the_defaults(config, name):
    default = config()
    stated = PRESETS[config.model_type][name].fields
    assert set(stated) <= {*config.fields(), "num_labels"}
    assert [field for field, value in stated.items() if getattr(default, field) == value] == []


@pytest.mark.parametrize(("config", "name"), NAMED)
def test_a_preset_is_described(config, name):
    preset = PRESETS[config.model_type][name]
    assert preset.meaning
    assert "\n" not in preset.meaning
    assert preset.paper


# What BERT's authors' checkpoints have with the masked language model's head.
@pytest.mark.parametrize(("name", "parameters"), [("bert-base", 109_514_298), ("bert-large", 335_174_458)])
def test_another_head_is_counted_with_its_own_parameters(name, parameters):
    assert XEncoderConfig.preset(name).num_parameters(XEncoderForMaskedLM) == parameters


def really(model: Any) -> int:
    return sum(int(number) for number in {id(p): p.numel() for _, p in model.named_parameters()}.values())


@pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
def test_the_count_is_that_of_the_model_built_for_every_option(subject: Subject):
    wrong = {}
    for case in cases_of(subject):
        config = subject.config(**{**subject.small, **case.values})
        counted, built = config.num_parameters(subject.model), really(subject.model(config))
        if counted != built:
            wrong[case.name] = (counted, built)
    assert wrong == {}


@pytest.mark.parametrize("config", ALL_CONFIGS)
def test_every_family_has_a_main_class(config):
    main = getattr(paddle_xformers.models, config.main_model)
    assert main.config_class is config
    if config.model_type in FAMILIES:
        assert FAMILIES[config.model_type] == (config.__name__, config.main_model)


def test_counting_takes_no_memory():
    XDecoderConfig.preset("gpt2-small").num_parameters()
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    XDecoderConfig.preset("gpt3-175b").num_parameters()
    kilobytes = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert kilobytes < 100_000  # its parameters would take 700 GB


def test_initial_values_are_not_drawn():
    config = XDecoderConfig.preset("gpt3-175b", depth=1, initializer_range=0.02)
    assert config.num_parameters() == 2_454_847_488
    assert config.initializer_range == 0.02


def test_tied_weights_count_once():
    tied = XDecoderConfig.preset("gpt2-small")
    untied = XDecoderConfig.preset("gpt2-small", tie_word_embeddings=False, tie_embedding_scale=None)
    assert untied.num_parameters() - tied.num_parameters() == tied.num_tokens * tied.dim


def test_counting_changes_neither_random_numbers_nor_names():
    def drawn(count: bool) -> tuple[str, str, np.ndarray]:
        paddle.seed(3)
        with paddle.utils.unique_name.guard():
            first = nn.Linear(2, 2)
            if count:
                XDecoderConfig(dim=32, depth=1).num_parameters()
            second = nn.Linear(2, 2)
            return first.weight.name, second.weight.name, second.weight.numpy()

    (*names, values), (*wanted_names, wanted) = drawn(True), drawn(False)
    assert names == wanted_names
    np.testing.assert_array_equal(values, wanted)


def test_other_threads_build_as_always_meanwhile():
    found = []
    first = nn.Linear(2, 2).weight.name

    def build() -> None:
        paddle.seed(3)
        layer = nn.Linear(2, 2)
        found.append((layer.weight.name, layer.weight.numpy()))

    with shapes_only():
        thread = threading.Thread(target=build)
        thread.start()
        thread.join()
        here = nn.Linear(2, 2).weight
    [(name, values)] = found
    assert values.any()
    assert not here._is_initialized()
    assert [first, name, nn.Linear(2, 2).weight.name] == ["linear_0.w_0", "linear_1.w_0", "linear_2.w_0"]


def test_afterwards_layers_have_values_also_after_an_error():
    with pytest.raises(ConfigError, match="heads"):
        XDecoderConfig(heads=0).num_parameters()
    assert nn.Linear(2, 2).weight._is_initialized()


@pytest.mark.parametrize(
    "wrong", [XViTForImageClassification, XDecoderModel, XDecoderConfig, "XEncoderModel", nn.Linear]
)
def test_a_class_of_another_family_is_refused(wrong):
    with pytest.raises(InputError, match="cannot be built from XEncoderConfig; give a model class of its family, such"):
        XEncoderConfig(dim=32, depth=1).num_parameters(wrong)


def test_overrides_come_in_any_spelling():
    config = XDecoderConfig.preset("gpt2-small", hidden_size=32, num_hidden_layers=2, use_rmsnorm=True, norm_bias=False)
    assert (config.dim, config.depth, config.norm, config.heads) == (32, 2, "rmsnorm", 12)
    assert XSeq2SeqConfig.preset("t5-small", vocab_size=64).dec_num_tokens == 64
    assert XViTConfig.preset("vit-base-16", num_classes=None).num_labels == 0


def test_a_preset_made_small_is_saved_and_loaded(tmp_path):
    sizes = {"num_tokens": 37, "dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "rotary_emb_dim": 8, "ff_dim": 48}
    model = XDecoderForCausalLM(XDecoderConfig.preset("llama-7b", **sizes))
    model.save_pretrained(tmp_path)
    loaded = XDecoderForCausalLM.from_pretrained(tmp_path)
    ids = paddle.to_tensor([[1, 2, 3]])
    np.testing.assert_array_equal(loaded(ids).numpy(), model(ids).numpy())
    assert loaded.config.num_parameters() == really(model) == sum(math.prod(p.shape) for p in model.parameters())


@pytest.mark.parametrize(
    ("config", "name", "sentence"),
    [
        (XDecoderConfig, "gpt2-smal", "'gpt2-smal' is not a preset of xdecoder; did you mean 'gpt2-small'"),
        (XDecoderConfig, "LLaMA-7B", "did you mean 'llama-7b'"),
        (XDecoderConfig, "gpt2", "There are: gpt, gpt2-small, "),
        (XDecoderConfig, "zzz", "'zzz' is not a preset of xdecoder; there are: gpt, gpt2-small, "),
        (XDecoderConfig, "bert-base", "'bert-base' is not a preset of xdecoder; it is one of xencoder"),
        (XDecoderConfig, None, "None is not a preset of xdecoder; there are: "),
        (XCaptionConfig, "git-base", "xcaption; this family has none, so give the fields themselves"),
    ],
)
def test_an_unknown_name_is_refused(config, name, sentence):
    with pytest.raises(ConfigError) as caught:
        config.preset(name)
    assert sentence in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_misspelt_override_is_refused():
    with pytest.raises(ConfigError, match="did you mean 'attn_dim_head'"):
        XDecoderConfig.preset("gpt2-small", attn_dim_heads=8)


def test_families_list_their_presets():
    for family, table in PRESETS.items():
        assert CONFIGS[family].presets() == list(table)
    assert XCaptionConfig.presets() == []
