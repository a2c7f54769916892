"""PaddleNLP's Auto classes load registered families, and still load PaddleNLP's own."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace

import pytest

from paddle_xformers import auto
from paddle_xformers._compat import import_paddle, import_paddlenlp
from paddle_xformers.errors import CheckpointError, ConfigError, InputError

paddle = import_paddle()


@pytest.fixture(scope="module")
def toy():
    """A registered family with two heads, and two tokenizers; forgotten after this module."""
    import_paddlenlp()
    from paddlenlp.transformers import (
        PretrainedConfig,
        PretrainedModel,
        PretrainedTokenizer,
        register_base_model,
    )

    class XToyConfig(PretrainedConfig):
        model_type = "xtoy"

        def __init__(self, width=4, **kwargs):
            super().__init__(**kwargs)
            self.width = width

    class XToyPretrainedModel(PretrainedModel):
        config_class = XToyConfig
        base_model_prefix = "toy"

        def _init_weights(self, layer):
            pass

    @register_base_model
    class XToyModel(XToyPretrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.proj = paddle.nn.Linear(config.width, config.width)

    class XToyForCausalLM(XToyPretrainedModel):
        def __init__(self, config):
            super().__init__(config)
            self.toy = XToyModel(config)

    class ToyTokenizer(PretrainedTokenizer):
        resource_files_names = {}
        vocab_size = 3

        def _tokenize(self, text, **kwargs):
            return list(text)

        def _convert_token_to_id(self, token):
            return 0

        def get_vocab(self):
            return {"a": 0}

    class OtherToyTokenizer(ToyTokenizer):
        pass

    classes = {"Model": XToyModel, "ForCausalLM": XToyForCausalLM}
    auto.register_family("XToy", XToyConfig, classes, ToyTokenizer)
    auto.register_tokenizer(OtherToyTokenizer)
    yield SimpleNamespace(
        config=XToyConfig,
        model=XToyModel,
        lm=XToyForCausalLM,
        tokenizer=ToyTokenizer,
        other=OtherToyTokenizer,
    )
    auto._families.pop("XToy")


@pytest.fixture
def saved(toy, tmp_path):
    """A directory with a saved head, and the head."""
    model = toy.lm(toy.config(width=3))
    model.save_pretrained(str(tmp_path))
    return str(tmp_path), model


def same_weights(left, right):
    right = dict(right.named_parameters())
    return all(bool((value == right[name]).all()) for name, value in left.named_parameters())


def test_auto_config_loads_and_takes_overrides(toy, saved):
    from paddlenlp.transformers import AutoConfig

    config = AutoConfig.from_pretrained(saved[0])
    assert (type(config), config.width) == (toy.config, 3)
    assert AutoConfig.from_pretrained(saved[0], width=9).width == 9


def test_auto_model_loads_the_class_that_it_stands_for(toy, saved):
    from paddlenlp.transformers import AutoModel, AutoModelForCausalLM

    path, model = saved
    head = AutoModelForCausalLM.from_pretrained(path)
    assert type(head) is toy.lm and same_weights(head, model)
    base = AutoModel.from_pretrained(path)
    assert type(base) is toy.model and same_weights(base, model.toy)


def test_auto_model_with_task_loads_the_head_this_once(toy, saved):
    from paddlenlp.transformers import AutoModel

    assert type(AutoModel.from_pretrained(saved[0], task="ForCausalLM")) is toy.lm
    assert type(AutoModel.from_pretrained(saved[0])) is toy.model


def test_auto_model_builds_from_a_config(toy):
    from paddlenlp.transformers import AutoModelForCausalLM

    assert type(AutoModelForCausalLM.from_config(toy.config(width=5))) is toy.lm


def test_name_of_the_folder_does_not_matter(toy, tmp_path):
    from paddlenlp.transformers import AutoModel

    folder = tmp_path / "my-llama-bert"
    toy.model(toy.config()).save_pretrained(str(folder))
    assert type(AutoModel.from_pretrained(str(folder))) is toy.model


def test_architecture_is_enough_without_model_type(toy, saved, tmp_path):
    from paddlenlp.transformers import AutoModelForCausalLM

    file = tmp_path / "config.json"
    fields = json.loads(file.read_text(encoding="utf-8"))
    del fields["model_type"]
    file.write_text(json.dumps(fields), encoding="utf-8")
    assert type(AutoModelForCausalLM.from_pretrained(saved[0])) is toy.lm


def test_missing_head_is_refused_with_those_that_exist(toy, saved):
    from paddlenlp.transformers import AutoModelForMaskedLM

    with pytest.raises(InputError, match=r"XToy has no XToyForMaskedLM.*AutoModel \(XToyModel\), AutoModelForCausalLM"):
        AutoModelForMaskedLM.from_pretrained(saved[0])


def test_broken_config_file_is_named(saved, tmp_path):
    from paddlenlp.transformers import AutoModel

    (tmp_path / "config.json").write_text('{"model_type": "xt', encoding="utf-8")
    with pytest.raises(CheckpointError, match=r"config\.json cannot be read as JSON"):
        AutoModel.from_pretrained(saved[0])


@pytest.mark.parametrize("kind", ["tokenizer", "other"])
def test_auto_tokenizer_loads_the_class_named_in_the_directory(toy, tmp_path, kind):
    from paddlenlp.transformers import AutoTokenizer

    tokenizer_class = getattr(toy, kind)
    tokenizer_class().save_pretrained(str(tmp_path))
    assert type(AutoTokenizer.from_pretrained(str(tmp_path))) is tokenizer_class


def test_checkpoint_that_names_no_tokenizer_gets_the_family_s(toy, saved, tmp_path):
    from paddlenlp.transformers import AutoTokenizer

    (tmp_path / "tokenizer_config.json").write_text("{}", encoding="utf-8")
    assert type(AutoTokenizer.from_pretrained(saved[0])) is toy.tokenizer


def test_own_families_of_paddlenlp_still_load(toy, tmp_path):
    from paddlenlp.transformers import (
        AutoConfig,
        AutoModel,
        AutoModelForCausalLM,
        LlamaConfig,
        LlamaForCausalLM,
        LlamaModel,
    )

    config = LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    model = LlamaForCausalLM(config)
    model.save_pretrained(str(tmp_path))
    assert type(AutoConfig.from_pretrained(str(tmp_path))) is LlamaConfig
    assert type(AutoModel.from_pretrained(str(tmp_path))) is LlamaModel
    loaded = AutoModelForCausalLM.from_pretrained(str(tmp_path))
    assert type(loaded) is LlamaForCausalLM and same_weights(loaded, model)


def test_registering_a_family_again_replaces_it_and_wraps_nothing_twice(toy, saved):
    from paddlenlp.transformers import AutoModel
    from paddlenlp.transformers.auto.modeling import _BaseAutoModelClass

    lookup = _BaseAutoModelClass._get_model_class_from_config.__func__
    auto.register_family("XToy", toy.config, {"Model": toy.model, "ForCausalLM": toy.lm}, toy.tokenizer)
    assert _BaseAutoModelClass._get_model_class_from_config.__func__ is lookup
    assert type(AutoModel.from_pretrained(saved[0])) is toy.model


def test_class_with_a_foreign_name_is_refused(toy):
    with pytest.raises(
        ConfigError, match=r"classes\['ForMaskedLM'\] is named XToyForCausalLM: name it XToyForMaskedLM"
    ):
        auto.register_family("XToy", toy.config, {"ForMaskedLM": toy.lm})


def test_config_class_without_model_type_is_refused():
    from paddlenlp.transformers import PretrainedConfig

    with pytest.raises(ConfigError, match=r"PretrainedConfig\.model_type is ''"):
        auto.register_family("XNone", PretrainedConfig, {})


def test_register_covers_every_family_and_tokenizer_once(monkeypatch):
    calls = []
    classes = {prefix + suffix: prefix + suffix for prefix, names in auto.FAMILIES for suffix in (*names, "Config")}
    fakes = {
        "models": SimpleNamespace(**classes, XImageProcessor="pixels"),
        "tokenizers": SimpleNamespace(XTokenizer="pieces", XByteTokenizer="bytes"),
        "serving": SimpleNamespace(register_tasks=lambda: calls.append("tasks")),
    }
    for name, module in fakes.items():
        monkeypatch.setitem(sys.modules, f"paddle_xformers.{name}", module)
    monkeypatch.setattr(auto, "_done", set())
    monkeypatch.setattr(auto, "register_family", lambda *args: calls.append(args))
    monkeypatch.setattr(auto, "register_tokenizer", calls.append)
    monkeypatch.setattr(auto, "register_image_processor", calls.append)
    auto.register()
    auto.register()
    families = [
        (prefix, f"{prefix}Config", {suffix: prefix + suffix for suffix in names}, "pieces")
        for prefix, names in auto.FAMILIES
    ]
    assert "XDecoder" in {family[0] for family in families}
    assert calls == [*families, "pieces", "bytes", "pixels", "tasks"]


def test_decoder_and_its_tokenizers_load_through_the_auto_classes(tmp_path):
    import paddle_xformers as px

    model = px.XDecoderForCausalLM(px.XDecoderConfig(num_tokens=260, dim=16, depth=1, heads=2, max_seq_len=8))
    model.save_pretrained(str(tmp_path))
    px.XByteTokenizer().save_pretrained(str(tmp_path))

    from paddlenlp.transformers import AutoConfig, AutoModel, AutoModelForCausalLM, AutoTokenizer

    assert type(AutoConfig.from_pretrained(str(tmp_path))) is px.XDecoderConfig
    loaded = AutoModelForCausalLM.from_pretrained(str(tmp_path))
    assert type(loaded) is px.XDecoderForCausalLM and same_weights(loaded, model)
    assert type(AutoModel.from_pretrained(str(tmp_path))) is px.XDecoderModel
    assert type(AutoTokenizer.from_pretrained(str(tmp_path))) is px.XByteTokenizer
