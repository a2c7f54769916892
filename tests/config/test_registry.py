"""Names that users give to their parts: what is registered, what is refused, and what a configuration makes of it."""

from __future__ import annotations

import subprocess
import sys

import pytest

import paddle_xformers.nn.stack  # noqa: F401 - puts our own parts into the sockets
from paddle_xformers import ConfigError, XDecoderConfig, XDecoderForCausalLM, XSeq2SeqConfig, register_part
from paddle_xformers.config import schema, unregister_part
from paddle_xformers.config.registry import SOCKETS, find_part, make_function, make_part, part_problem, settings_of
from paddle_xformers.nn.norms import RMSNorm

SMALL = {"num_tokens": 37, "dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, "max_seq_len": 64}


class Powered(RMSNorm):
    def __init__(self, dim, options, *, power=2.0, note: str | None = None):
        super().__init__(dim)
        self.power, self.note = power, note


@pytest.fixture
def powered():
    yield register_part("norm", "powered")(Powered)
    unregister_part("norm", "powered")


def test_every_socket_is_a_field_and_has_what_it_declares():
    assert SOCKETS.keys() == {info.socket for info in schema().values() if info.socket}
    for name, socket in SOCKETS.items():
        declared = set(schema()[name].choices)
        assert set(socket.built_in) == declared
        words = {"none"} if name != "position_embedding" else {"none", "auto", "learned"}
        assert set(socket.own) == declared - words


def test_a_registered_name_builds_the_part(powered):
    assert isinstance(make_part("norm", "powered", 8, None), powered)
    built = make_part("norm", {"name": "powered", "power": 3}, 8, None)
    assert built.power == 3


def test_a_function_is_itself_and_a_class_is_built():
    def cubed(x, *, factor=1.0):
        return factor * x**3

    class Layer:
        def __init__(self, width, *, factor=1.0):
            self.width, self.factor = width, factor

    try:
        register_part("ff_activation", "cubed")(cubed)
        register_part("ff_activation", "layer")(Layer)
        assert make_function("ff_activation", "cubed", 5) is cubed
        assert make_function("ff_activation", {"name": "cubed", "factor": 2.0}, 5)(3) == 54
        layer = make_function("ff_activation", {"name": "layer", "factor": 2}, 5)
        assert (layer.width, layer.factor) == (5, 2)
    finally:
        unregister_part("ff_activation", "cubed")
        unregister_part("ff_activation", "layer")


def test_registering_the_same_part_again_changes_nothing(powered):
    register_part("norm", "powered")(powered)
    assert find_part("norm", "powered") == (powered, {})


def test_another_part_needs_override(powered):
    class Other(Powered):
        pass

    with pytest.raises(ConfigError, match=r"norm='powered' is registered already, for Powered; use another name for "):
        register_part("norm", "powered")(Other)
    assert register_part("norm", "powered", override=True)(Other) is Other
    assert find_part("norm", "powered")[0] is Other


@pytest.mark.parametrize("override", [False, True])
@pytest.mark.parametrize(("socket", "name"), [("norm", "layernorm"), ("position_bias", "none"), ("ff_layer", "mlp")])
def test_our_own_names_stay_ours(socket, name, override):
    with pytest.raises(ConfigError, match=f"{socket}='{name}' is a part of this package, which stays what it is"):
        register_part(socket, name, override=override)


def test_an_unknown_socket_is_refused():
    with pytest.raises(ConfigError, match=r"no parts called 'norms' to register; there are .*'norm', "):
        register_part("norms", "mine")


@pytest.mark.parametrize("name", ["", "my norm", "3", 3, None])
def test_a_name_is_a_word(name):
    with pytest.raises(ConfigError, match="cannot name a part; use a word of letters, digits and underscores"):
        register_part("norm", name)


def test_settings_that_json_cannot_hold_are_refused():
    for bad in (lambda dim, options, *, table=(1, 2): None, lambda dim, options, *, name="x": None):
        with pytest.raises(ConfigError, match=r"norm='bad' has a setting (table=\(1, 2\)|name='x'), which config.json"):
            register_part("norm", "bad")(bad)
    assert "bad" not in SOCKETS["norm"].registered


def test_settings_are_the_keyword_only_parameters(powered):
    assert settings_of(powered) == {"power": 2.0, "note": None}
    assert part_problem("norm", {"name": "powered", "power": 3, "note": "x"}) is None
    for value, problem in {
        "pwr": "has a setting 'pwr', but its settings are 'power', 'note'",
        "power": "has a setting 'power' that is a str, not like its default 2.0",
    }.items():
        assert part_problem("norm", {"name": "powered", value: "3"}) == problem
    assert part_problem("norm", {"name": "powered", "power": True}).startswith("has a setting 'power' that is a bool")
    assert part_problem("norm", {"name": "layernorm"}).startswith("gives settings to a part that has none")


def test_a_setting_without_default_must_be_given():
    register_part("norm", "strict")(lambda dim, options, *, power: None)
    try:
        assert part_problem("norm", "strict") == "lacks the setting 'power', which has no default"
        assert part_problem("norm", {"name": "strict", "power": 2}) is None
    finally:
        unregister_part("norm", "strict")


def test_an_unknown_name_is_refused_with_what_is_registered(powered):
    with pytest.raises(ConfigError) as caught:
        XDecoderForCausalLM(XDecoderConfig(**SMALL, norm="powerd"))
    said = str(caught.value)
    assert said.startswith("norm='powerd' is not a known name (registered is ")
    assert "'powered'" in said
    assert "import the module that calls register_part('norm', ...) first" in said
    assert "allowed is one of 'layernorm', 'rmsnorm'" in said


@pytest.mark.parametrize("value", [{"name": "nothing"}, {"power": 3}, {"name": 3}, {}])
def test_a_mapping_names_a_registered_part(value):
    assert part_problem("norm", value).startswith("is not a known name")


def test_the_part_itself_is_refused_with_how_to_name_it(powered):
    with pytest.raises(ConfigError, match=r"is no name: write @register_part\('norm', NAME\) above it, and give NAME"):
        XDecoderConfig(**SMALL, norm=powered).validate()


def test_parts_of_a_model_take_registered_names_too(powered):
    XSeq2SeqConfig(dim=32, enc_norm="powered", dec_norm={"name": "powered", "power": 3.0}).validate()
    with pytest.raises(ConfigError, match="dec_norm='nothing' is not a known name"):
        XSeq2SeqConfig(dim=32, dec_norm="nothing").validate()


def test_a_list_has_a_part_for_each_layer():
    register_part("ff_activation", "raised")(lambda x, *, power=2: x**power)
    try:
        activations = [{"name": "raised", "power": 3}, "gelu"]
        config = XDecoderConfig(**SMALL, ff_activation=activations)
        layers = [layer.branch for layer in config.stack_options().layers if layer.kind == "f"]
        assert [layer.ff_activation for layer in layers] == activations
    finally:
        unregister_part("ff_activation", "raised")


def test_registering_loads_no_framework():
    code = (
        "import sys; from paddle_xformers import register_part; register_part('norm', 'mine')(dict);"
        "print([m for m in ('paddle', 'paddlenlp', 'numpy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.stderr) == ("[]", "")
