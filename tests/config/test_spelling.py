"""x-transformers' keywords and those of the old port mean the same as our fields."""

from __future__ import annotations

from typing import Any

import pytest

from paddle_xformers.config import SPELLINGS, canonical, schema, validate
from paddle_xformers.config.spelling import BY_KEYWORD
from paddle_xformers.errors import ConfigError

from .config_values import flat

# Keyword -> foreign value -> our fields, written out by hand.
MEANINGS: dict[str, dict[Any, dict[str, Any]]] = {
    "use_rmsnorm": {True: {"norm": "rmsnorm"}, False: {}},
    "use_scalenorm": {True: {"norm": "scalenorm"}, False: {}},
    "use_simple_rmsnorm": {True: {"norm": "simple_rmsnorm"}, False: {}},
    "use_dynamic_tanh": {True: {"norm": "dynamic_tanh"}, False: {}},
    "use_derf": {True: {"norm": "derf"}, False: {}},
    "use_adaptive_layernorm": {True: {"norm": "adaptive_layernorm"}, False: {}},
    "use_adaptive_rmsnorm": {True: {"norm": "adaptive_rmsnorm"}, False: {}},
    "pre_norm": {True: {}, False: {"norm_placement": "post"}},
    "sandwich_norm": {True: {"norm_placement": "sandwich"}, False: {}},
    "pre_and_post_norm": {True: {"norm_placement": "pre_and_post"}, False: {}},
    "use_rezero": {True: {"residual": "rezero", "norm": "identity"}, False: {}},
    "orthog_residual": {True: {"residual": "orthogonal"}, False: {}},
    "gate_residual": {True: {"residual": "gru"}, False: {}},
    "mv_split_residual": {True: {"residual": "mv_split"}, False: {}},
    "gated_multi_residual": {True: {"residual": "gated_multi"}, False: {}},
    "resi_dual": {True: {"norm_placement": "resi_dual"}, False: {}},
    "pre_norm_has_final_norm": {True: {}, False: {"final_norm": False}},
    "alibi_pos_bias": {True: {"position_bias": "alibi"}, False: {}},
    "alibi_pos_emb": {True: {"position_bias": "alibi"}, False: {}},
    "attn_talking_heads": {
        True: {"attn_pre_talking_heads": True, "attn_post_talking_heads": True},
        False: {"attn_pre_talking_heads": False, "attn_post_talking_heads": False},
    },
    "attn_use_entmax15": {True: {"attn_normalizer": "entmax15"}, False: {}},
    "attn_sigmoid": {True: {"attn_normalizer": "sigmoid"}, False: {}},
    "attn_hard": {True: {"attn_normalizer": "hard"}, False: {}},
    "attn_gumbel_softmax": {True: {"attn_normalizer": "gumbel"}, False: {}},
    "cross_attn_gumbel_softmax": {True: {"cross_attn_normalizer": "gumbel"}, False: {}},
    "cross_attn_sigmoid": {True: {"cross_attn_normalizer": "sigmoid"}, False: {}},
    "cross_attn_hard": {True: {"cross_attn_normalizer": "hard"}, False: {}},
    "attn_max_attend_past": {3: {"max_attend_past": 3}},
    **{f"{prefix}attn_use_latent_{kind}": {False: {}} for prefix in ("", "cross_") for kind in ("q", "kv")},
    "attn_onnxable": {True: {}, False: {}},
    "attn_hybrid_mask_kwarg": {"mask": {}, None: {}},
    "cross_attn_hybrid_mask_kwarg": {"mask": {}, None: {}},
    "use_qk_norm_attn": {
        True: {"attn_qk_norm": True, "attn_qk_norm_learned_temperature": True, "norm_placement": "attn_branch"},
        False: {},
    },
    "qk_norm_attn_seq_len": {64: {"attn_qk_norm_seq_len": 64}},
    "attn_scale_init_value": {-2.5: {"attn_qk_norm_temperature_init": -2.5}},
    "rel_pos_bias": {True: {"position_bias": "t5"}, False: {}},
    "dynamic_pos_bias": {True: {"position_bias": "dynamic"}, False: {}},
    "scaled_sinu_pos_emb": {True: {"position_embedding": "sinusoidal"}, False: {}},
    "use_abs_pos_emb": {True: {}, False: {"position_embedding": "none"}},
    "use_pos_emb": {True: {}, False: {"position_embedding": "none"}},
    "disable_abs_pos_emb": {True: {"position_embedding": "none"}, False: {"position_embedding": "learned"}},
    "ff_swish": {True: {"ff_activation": "silu"}, False: {}},
    "ff_relu_squared": {True: {"ff_activation": "relu_squared"}, False: {}},
    "ff_solu": {True: {"ff_activation": "solu"}, False: {}},
    "ff_custom_activation": {"mish": {"ff_activation": "mish"}},
    "attn_one_kv_head": {True: {"attn_kv_heads": 1}, False: {}},
    "cross_attn_one_kv_head": {True: {"cross_attn_kv_heads": 1}, False: {}},
    "attn_flash": {True: {"attn_kernel": "auto"}, False: {"attn_kernel": "eager"}},
    "zero_init_branch_output": {
        True: {"attn_zero_init_output": True, "ff_zero_init_output": True},
        False: {"attn_zero_init_output": False, "ff_zero_init_output": False},
    },
    "use_l1_loss": {True: {"regression_loss": "l1"}, False: {}},
    "tie_embedding": {True: {"tie_word_embeddings": True}, False: {"tie_word_embeddings": False}},
}
# Keywords whose values are dictionaries: key -> our field.
KEYS: dict[str, dict[str, str]] = {
    "rel_pos_kwargs": {"slopes": "alibi_slopes"},
    "attn_data_dependent_alibi_kwargs": {
        "bias_init": "data_dependent_alibi_bias_init",
        "post_log_scale": "data_dependent_alibi_post_log_scale",
    },
    "residual_fn_kwargs": {
        "init_alpha": "mv_split_init_alpha",
        "init_beta": "mv_split_init_beta",
        "learned": "mv_split_learned",
        "read_gate_rank": "read_gate_rank",
        "sinkhorn_iters": "hyper_conn_sinkhorn_iters",
    },
    "attn_aggregated_residual_kwargs": {
        "lora_rank": "attn_aggregated_residual_rank",
        "lora_activation": "attn_aggregated_residual_activation",
    },
}
CASES = [(keyword, value, ours) for keyword, table in MEANINGS.items() for value, ours in table.items()]


def test_every_spelling_has_its_meaning_here():
    assert {*MEANINGS, *KEYS} == {spelling.keyword for spelling in SPELLINGS}
    assert len(BY_KEYWORD) == len(SPELLINGS)


@pytest.mark.parametrize(("keyword", "value", "ours"), CASES)
def test_a_foreign_keyword_becomes_our_fields(keyword, value, ours):
    assert canonical({keyword: value}) == ours
    assert canonical({keyword: value, **ours}) == ours  # saying it twice is no contradiction
    assert canonical(ours) == ours


def test_the_name_of_an_argument_is_a_string():
    with pytest.raises(ConfigError, match="attn_hybrid_mask_kwarg=True is not allowed.*give a string"):
        canonical({"attn_hybrid_mask_kwarg": True})


@pytest.mark.parametrize("keyword", KEYS)
def test_a_dictionary_of_arguments_becomes_our_fields(keyword):
    given = {key: at for at, key in enumerate(KEYS[keyword])}
    ours = {KEYS[keyword][key]: at for key, at in given.items()}
    assert canonical({keyword: given}) == ours
    assert canonical({f"enc_{keyword}": given}, "enc_") == {f"enc_{name}": value for name, value in ours.items()}
    assert canonical({keyword: {}}) == {}
    for wrong in ({**given, "no_such": 1}, 3, "init_alpha"):
        with pytest.raises(ConfigError, match=f"{keyword}=.*is not allowed: give a dictionary.*{next(iter(given))}"):
            canonical({keyword: wrong})
    name, value = next(iter(ours.items()))
    with pytest.raises(ConfigError, match=f"both set {name}"):
        canonical({keyword: given, name: value + 1})


@pytest.mark.parametrize("spelling", SPELLINGS, ids=lambda spelling: spelling.keyword)
def test_spellings_lead_to_declared_fields_and_hide_none(spelling):
    assert set(spelling.fields) <= set(schema())
    assert spelling.keyword not in schema()


@pytest.mark.parametrize(
    ("first", "second", "field"),
    [
        ("use_rmsnorm", "use_scalenorm", "norm"),
        ("sandwich_norm", "pre_and_post_norm", "norm_placement"),
        ("alibi_pos_bias", "rel_pos_bias", "position_bias"),
        ("sandwich_norm", "use_qk_norm_attn", "norm_placement"),
        ("ff_swish", "ff_relu_squared", "ff_activation"),
        ("use_rezero", "gate_residual", "residual"),
        ("use_rezero", "use_scalenorm", "norm"),
    ],
)
def test_exclusive_switches_are_refused(first, second, field):
    with pytest.raises(ConfigError) as caught:
        canonical({first: True, second: True})
    message = str(caught.value)
    assert f"{first}=True" in message
    assert f"{second}=True" in message
    assert f"both set {field}" in message
    assert canonical({first: True, second: False}) == canonical({first: True})


def test_a_switch_and_a_field_that_contradict_it_are_refused():
    with pytest.raises(ConfigError, match="norm='layernorm' and use_rmsnorm=True exclude each other"):
        canonical({"use_rmsnorm": True, "norm": "layernorm"})
    with pytest.raises(ConfigError, match="pre_norm=False"):
        canonical({"pre_norm": False, "sandwich_norm": True})


@pytest.mark.parametrize("value", [1, "yes", None, [True]])
def test_a_switch_takes_only_true_and_false(value):
    with pytest.raises(ConfigError, match=r"use_rmsnorm=.* is a switch; give True or False"):
        canonical({"use_rmsnorm": value})


def test_several_streams_ask_for_hyper_connections():
    assert canonical({"num_residual_streams": 4}) == {"num_residual_streams": 4, "residual": "hyper"}
    assert canonical({"num_residual_streams": 1}) == {"num_residual_streams": 1}
    given = {"num_residual_streams": 4, "residual": "plain"}
    assert canonical(given) == given  # a rule refuses it with its own sentence


def test_unknown_keys_pass_and_the_given_mapping_is_left_alone():
    given = {"use_rmsnorm": True, "tf_legacy_loss": True}
    assert canonical(given) == {"norm": "rmsnorm", "tf_legacy_loss": True}
    assert given == {"use_rmsnorm": True, "tf_legacy_loss": True}


def test_the_feed_forward_output_is_as_wide_as_the_stream():
    assert canonical({"ff_dim_out": 48, "dim": 48}) == {"dim": 48}
    assert canonical({"ff_dim_out": 48, "hidden_size": 48}) == {"hidden_size": 48}
    assert canonical({"ff_dim_out": None}) == canonical({"ff_dim_out": schema()["dim"].default}) == {}
    with pytest.raises(ConfigError, match="ff_dim_out=32 is not dim=48, .*; leave ff_dim_out out"):
        canonical({"ff_dim_out": 32, "dim": 48})


@pytest.mark.parametrize("prefix", ["", "enc_"])
def test_a_dict_of_keywords_sets_the_fields_it_holds(prefix):
    gates = f"{prefix}attn_data_dependent_alibi_kwargs"
    start, scale = (f"{prefix}data_dependent_alibi_{name}" for name in ("bias_init", "post_log_scale"))
    assert canonical({gates: {"bias_init": 2.0, "post_log_scale": 0.5}}, prefix) == {start: 2.0, scale: 0.5}
    assert canonical({gates: {}}, prefix) == {}
    assert canonical({gates: {"bias_init": 2.0}, start: 2.0}, prefix) == {start: 2.0}
    assert canonical({f"{prefix}rel_pos_kwargs": {"slopes": [0.5]}}, prefix) == {f"{prefix}alibi_slopes": [0.5]}
    with pytest.raises(ConfigError, match=f"{start}=1.0 and {gates}=.* exclude each other"):
        canonical({gates: {"bias_init": 2.0}, start: 1.0}, prefix)
    for wrong in ({"bias": 2.0}, None, 3.0):
        with pytest.raises(
            ConfigError, match=f"^{gates}=.* is not allowed: give a dictionary with some of the keys bias_init, "
        ):
            canonical({gates: wrong}, prefix)


OLD_PORT = (
    {"use_scalenorm": True, "pre_norm": False, "zero_init_branch_output": True},
    {"sandwich_norm": True, "gate_residual": True, "scale_residual": True},
    {"use_rezero": True, "macaron": True, "shift_tokens": 1},
    {"sandwich_coef": 1, "ff_relu_squared": True, "ff_post_act_ln": True, "ff_dim_out": 32},
    {"par_ratio": 3, "depth": 4, "shift_tokens": (1, 0, 2, 0, 0, 0, 1, 1)},
)


@pytest.mark.parametrize("given", OLD_PORT, ids=lambda given: "-".join(given))
def test_keywords_of_the_old_port_make_a_valid_configuration(given):
    values = flat(**{"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8, **given})
    assert values.keys() == schema().keys()
    validate(values, schema())


@pytest.mark.parametrize("prefix", ["", "enc_"])
@pytest.mark.parametrize("name", ["attn_{}_latent_q", "attn_{}_latent_kv", "cross_attn_{}_latent_kv"])
def test_a_switch_for_a_latent_agrees_with_its_width(prefix, name):
    switch, width = prefix + name.format("use"), prefix + name.format("dim")
    assert canonical({switch: True, width: 12}, prefix) == {width: 12}
    assert canonical({switch: False}, prefix) == {}
    for given in ({switch: True}, {switch: False, width: 12}, {switch: True, width: None}):
        with pytest.raises(ConfigError, match=f"^{switch}=.* contradict each other"):
            canonical(given, prefix)
