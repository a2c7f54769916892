"""Every rule between fields has values that break exactly it, and its sentence says what to do."""

from __future__ import annotations

import string
from typing import Any

import pytest

from paddle_xformers.config import RULES, Rule, schema, validate
from paddle_xformers.config.options import ALL_GROUPS
from paddle_xformers.config.rules import COMBINATIONS, broken_rules
from paddle_xformers.errors import ConfigError

from .config_values import flat

CROSS = {"cross_attend": True}
TURNED_ACROSS = {"rotary_pos_emb": True, "cross_attn_rotary_pos_emb": True}
HYPER = {"residual": "hyper", "num_residual_streams": 2}
GATED = {"residual": "gated_multi", "num_residual_streams": 2}
T5 = {"position_bias": "t5"}
FORGETTING = {"attn_data_dependent_alibi": True}

# Values that break one rule each. A rule is known by its fields; where several have the same fields, the
# values stand in the order of the rules.
TRIGGERS: dict[tuple[str, ...], list[dict[str, Any]]] = {
    ("heads", "attn_kv_heads"): [{"heads": 6, "attn_kv_heads": [2, 3, 6, 1, 2, 4]}],
    ("heads", "cross_attn_kv_heads"): [{**CROSS, "heads": 6, "cross_attn_kv_heads": 4}],
    **{
        (switch, "custom_layers", "only_cross"): [{switch: True, "custom_layers": ["f"]}]
        for switch in ("attn_data_dependent_alibi", "attn_use_rel_proj_pos_bias", "attn_use_cope")
    },
    ("attn_data_dependent_alibi_per_row", "prefix_lm"): [
        {**FORGETTING, "attn_data_dependent_alibi_per_row": True, "prefix_lm": True}
    ],
    ("attn_use_cope", "prefix_lm"): [{"attn_use_cope": True, "prefix_lm": True}],
    ("data_dependent_alibi_bias_init", "attn_data_dependent_alibi_per_row"): [
        {**FORGETTING, "attn_data_dependent_alibi_per_row": True, "data_dependent_alibi_bias_init": 1.0}
    ],
    ("alibi_slopes", "alibi_num_heads", "heads"): [{"position_bias": "alibi", "alibi_slopes": [0.5]}],
    ("alibi_slopes", "alibi_learned"): [
        {"position_bias": "alibi", "heads": 2, "alibi_slopes": [0.5, 0.0], "alibi_learned": True}
    ],
    ("rotary_emb_dim", "attn_dim_head"): [
        {"rotary_pos_emb": True, "rotary_emb_dim": 66},
        {"rotary_pos_emb": True, "attn_dim_head": 6},
    ],
    ("rotary_base_rescale_factor", "rotary_emb_dim", "attn_dim_head"): [
        {"rotary_pos_emb": True, "rotary_base_rescale_factor": 2.0, "rotary_emb_dim": 2}
    ],
    ("cross_attn_rotary_pos_emb", "rotary_xpos"): [{**CROSS, **TURNED_ACROSS, "rotary_xpos": True}],
    ("cross_attn_rotary_pos_emb", "rotate_num_heads"): [{**CROSS, **TURNED_ACROSS, "rotate_num_heads": 2}],
    ("cross_attn_rotary_pos_emb", "rotary_emb_dim", "cross_attn_dim_head", "cross_attn_collab_heads"): [
        {**CROSS, **TURNED_ACROSS, "rotary_emb_dim": 8, "attn_dim_head": 8, "cross_attn_dim_head": 6}
    ],
    ("polar_pos_emb", "rotary_pos_emb"): [{"polar_pos_emb": True, "rotary_pos_emb": True}],
    ("polar_pos_emb", "attn_use_cope"): [{"polar_pos_emb": True, "attn_use_cope": True}],
    ("polar_pos_emb", "attn_latent_rope_subheads"): [
        {"polar_pos_emb": True, "attn_latent_rope_subheads": 1, "attn_dim_latent_kv": 8}
    ],
    ("polar_pos_emb", "attn_num_mem_kv"): [{"polar_pos_emb": True, "attn_num_mem_kv": 2}],
    ("polar_pos_emb", "custom_layers", "only_cross"): [{**CROSS, "polar_pos_emb": True, "only_cross": True}],
    ("rotary_xpos", "rotary_values"): [{"rotary_pos_emb": True, "rotary_xpos": True, "rotary_values": True}],
    ("rotate_num_heads", "heads"): [{"rotary_pos_emb": True, "rotate_num_heads": 9}],
    ("rotate_num_heads", "attn_kv_heads", "attn_collab_heads"): [
        {"rotary_pos_emb": True, "rotate_num_heads": 2, "attn_kv_heads": 4}
    ],
    ("rotate_num_heads", "attn_latent_rope_subheads"): [
        {"rotary_pos_emb": True, "rotate_num_heads": 2, "attn_latent_rope_subheads": 1, "attn_dim_latent_kv": 8}
    ],
    **{
        (name, "custom_layers", "only_cross"): [{name: True, "custom_layers": ["f"]}]
        for name in ("attn_selective", "attn_orthog_projected_values", "attn_orthog_projected_values_per_head")
    },
    ("alibi_num_heads", "heads"): [{"position_bias": "alibi", "alibi_num_heads": 9}],
    ("rel_pos_num_buckets", "rel_pos_max_distance"): [{**T5, "rel_pos_max_distance": 16}],
    ("position_bias", "custom_layers", "only_cross"): [{"position_bias": "alibi", "custom_layers": ["f"]}],
    ("rotary_pos_emb", "custom_layers", "only_cross"): [{**CROSS, "rotary_pos_emb": True, "only_cross": True}],
    ("max_attend_past", "custom_layers", "only_cross"): [{**CROSS, "max_attend_past": 2, "only_cross": True}],
    ("rotary_values", "attn_value_dim_head", "attn_dim_head"): [
        {"rotary_pos_emb": True, "rotary_values": True, "attn_value_dim_head": 6}
    ],
    ("position_infused_attn", "custom_layers", "only_cross"): [
        {**CROSS, "position_infused_attn": True, "only_cross": True}
    ],
    ("rotary_emb_dim", "attn_collab_heads", "attn_collab_compression"): [
        {"rotary_pos_emb": True, "attn_collab_heads": True, "attn_collab_compression": 0.05}
    ],
    ("position_embedding_scale", "position_embedding"): [{"position_embedding_scale": 1.0, "rotary_pos_emb": True}],
    ("position_embedding_scale", "l2norm_embed"): [{"position_embedding_scale": 0.5, "l2norm_embed": True}],
    ("position_embedding_scale", "max_seq_len"): [{"position_embedding_scale": 1.0, "max_seq_len": 0}],
    ("position_embedding", "max_seq_len"): [{"position_embedding": "learned", "max_seq_len": 0}],
    ("tie_word_embeddings", "logits_dim", "num_tokens"): [{"tie_word_embeddings": True, "logits_dim": 10}],
    ("tie_word_embeddings", "num_output_heads"): [{"tie_word_embeddings": True, "num_output_heads": 2}],
    ("mixture_of_softmax", "num_output_heads"): [{"mixture_of_softmax": True, "num_output_heads": 2}],
    ("mixture_of_softmax", "squeeze_out_last_dim"): [
        {"mixture_of_softmax": True, "squeeze_out_last_dim": True, "logits_dim": 1}
    ],
    ("add_continuous_pred_head", "emb_dim", "dim"): [{"add_continuous_pred_head": True, "emb_dim": 24}],
    ("recycling", "looped"): [{"recycling": True, "looped": True}],
    ("recycling", "max_mem_len"): [{"recycling": True, "max_mem_len": 4}],
    ("looped", "num_output_heads"): [{"looped": True, "num_output_heads": 2}],
    ("looped", "squeeze_out_last_dim"): [{"looped": True, "squeeze_out_last_dim": True, "logits_dim": 1}],
    ("custom_layers",): [{"custom_layers": ["a", "x"]}],
    ("custom_layers", "cross_attend"): [{"custom_layers": ["a", "c", "f"]}],
    ("custom_layers", "par_ratio", "sandwich_coef"): [{"par_ratio": 2, "sandwich_coef": 1}],
    ("weight_tie_layers", "custom_layers", "par_ratio", "sandwich_coef"): [
        {"weight_tie_layers": True, "sandwich_coef": 1}
    ],
    ("weight_tie_layers", "layers_execute_order"): [{"weight_tie_layers": True, "layers_execute_order": [0, 1]}],
    ("layers_execute_order",): [{"depth": 2, "layers_execute_order": [0, 4]}],
    ("par_ratio", "depth"): [{"depth": 2, "par_ratio": 9}],
    ("sandwich_coef", "cross_attend", "depth", "only_cross"): [{**CROSS, "depth": 2, "sandwich_coef": 2}],
    ("sandwich_coef", "depth"): [{"depth": 2, "sandwich_coef": 3}],
    ("only_attn", "custom_layers"): [{"only_attn": True, "custom_layers": ["a", "f"]}],
    ("macaron", "only_attn"): [{"macaron": True, "only_attn": True}],
    ("macaron", "custom_layers"): [{"macaron": True, "custom_layers": ["f", "a", "f"]}],
    ("residual", "num_residual_streams"): [{"residual": "hyper"}],
    ("upstream_compat", "residual", "norm_placement"): [{"upstream_compat": True}],
    ("residual", "norm_placement"): [{**GATED, "sandwich_norm": True}],
    ("norm_placement", "residual"): [{"resi_dual": True, "gate_residual": True}],
    ("integrate_layers", "attn_aggregated_residuals"): [{"integrate_layers": True, "attn_aggregated_residuals": True}],
    ("integrate_layers", "layers_execute_order"): [{"integrate_layers": True, "layers_execute_order": [0, 2, 1]}],
    ("attn_aggregated_residuals", "depth", "only_attn"): [
        {"attn_aggregated_residuals": True, "depth": 1, "only_attn": True}
    ],
    ("integrate_layers", "depth", "only_attn"): [{"integrate_layers": True, "custom_layers": ["a"]}],
    ("attn_aggregated_residual_rank", "dim"): [
        {"attn_aggregated_residuals": True, "attn_aggregated_residual_rank": 16, "dim": 16}
    ],
    ("qkv_receive_diff_residuals", "residual", "attn_aggregated_residuals", "integrate_layers"): [
        {"qkv_receive_diff_residuals": True}
    ],
    ("qkv_receive_diff_residuals", "custom_layers", "only_cross"): [
        {**HYPER, **CROSS, "qkv_receive_diff_residuals": True, "only_cross": True}
    ],
    ("qkv_receive_diff_residuals", "max_mem_len", "residual"): [
        {**HYPER, "qkv_receive_diff_residuals": True, "max_mem_len": 4}
    ],
    (
        "unet_skips",
        "weight_tie_layers",
        "layers_execute_order",
        "custom_layers",
        "par_ratio",
        "sandwich_coef",
    ): [{"unet_skips": True, "weight_tie_layers": True}],
    ("unet_skips", "depth"): [{"unet_skips": True, "depth": 1}],
    ("norm", "residual", "final_norm"): [
        {
            "norm": "adaptive_layernorm",
            **{"residual": "gated_multi", "num_residual_streams": 2, "final_norm": False},
        }
    ],
    ("scale_residual", "residual"): [{**HYPER, "scale_residual": True}],
    ("scale_residual_constant", "residual"): [{**HYPER, "scale_residual_constant": 2.0}],
    ("residual", "attn_zero_init_output", "cross_attn_zero_init_output", "ff_zero_init_output"): [
        {"residual": "rezero", "zero_init_branch_output": True}
    ],
    ("depth_scale_residual", "attn_zero_init_output", "cross_attn_zero_init_output", "ff_zero_init_output"): [
        {"depth_scale_residual": True, "ff_zero_init_output": True}
    ],
    ("use_adaptive_layerscale", "use_layerscale"): [{"use_adaptive_layerscale": True, "use_layerscale": True}],
    ("dim_condition", "norm", "use_adaptive_layerscale"): [{"dim_condition": 3}],
    ("adaptive_condition_mlp", "norm", "use_adaptive_layerscale"): [{"adaptive_condition_mlp": True}],
    ("use_layerscale", "layerscale_init_value", "residual"): [{"use_layerscale": True, "use_rezero": True}],
    (
        "use_layerscale",
        "layerscale_init_value",
        "attn_zero_init_output",
        "cross_attn_zero_init_output",
        "ff_zero_init_output",
    ): [{"use_layerscale": True, "zero_init_branch_output": True}],
    ("shift_tokens", "dim"): [{"dim": 12, "shift_tokens": [0, 6] * 6}],
    ("norm_bias", "norm"): [{"norm_bias": True, "norm": "rmsnorm"}],
    ("norm_add_unit_offset", "norm", "use_layerscale"): [{"norm_add_unit_offset": True, "use_simple_rmsnorm": True}],
    ("ff_deep_embed", "custom_layers", "only_attn", "layers_execute_order"): [
        {"ff_deep_embed": True, "only_attn": True}
    ],
    ("embed_num_tokens",): [{"embed_num_tokens": {"a.b": 2}}],
    ("norm_eps", "norm"): [{"norm_eps": 1e-6, "norm": "derf"}, {"norm_eps": 0.01}],
    ("tie_word_embeddings", "token_emb"): [{"tie_word_embeddings": True, "token_emb": "hashed"}],
    ("tie_word_embeddings", "emb_dim", "dim"): [{"tie_word_embeddings": True, "emb_dim": 24}],
    ("ff_dim", "ff_mult"): [{"ff_dim": 50, "ff_mult": 2}],
    ("hyper_conn_sinkhorn_iters", "upstream_compat"): [
        {
            "residual": "hyper",
            "num_residual_streams": 2,
            "upstream_compat": True,
            "hyper_conn_sinkhorn_iters": 3,
        }
    ],
    ("ff_softclamp_value", "ff_glu"): [{"ff_softclamp_value": 1.5, "ff_glu": True}],
    ("ff_glu_softclamp", "ff_activation"): [{"ff_glu": True, "ff_glu_softclamp": True, "ff_activation": "relu"}],
    ("ff_glu_mult_bias", "ff_glu"): [{"ff_glu_mult_bias": True}],
    ("memory_tokens_interspersed_every", "num_memory_tokens"): [{"memory_tokens_interspersed_every": 4}],
    ("shift_mem_down", "depth"): [{"max_mem_len": 4, "shift_mem_down": 2, "depth": 2}],
    ("shift_mem_down", "max_mem_len"): [{"shift_mem_down": 1}],
    ("pooler_dense", "pooler"): [{"pooler": "none", "pooler_dense": True}],
    ("pooler_normalize", "pooler"): [{"pooler": "none", "pooler_normalize": True}],
    ("input_bias", "dim_in"): [{"input_bias": True}],
    ("output_bias", "dim_out"): [{"output_bias": True}],
    ("probabilistic", "dim_out"): [{"probabilistic": True}],
    ("regression_target", "causal"): [{"regression_target": "next"}],
    ("numerical_token_id", "num_tokens"): [{"numerical_token_id": 256}],
    ("stream_names",): [{"stream_names": ["note", "note"]}],
    ("stream_names", "stream_num_tokens"): [{"stream_names": ["note"]}],
    ("stream_num_tokens",): [{"stream_num_tokens": [256, 0]}],
    ("regression_loss", "probabilistic"): [{"regression_loss": "l1", "probabilistic": True, "dim_out": 3}],
}


def attention_triggers(prefix: str) -> dict[tuple[str, ...], list[dict[str, Any]]]:
    """Values for the rules that self attention and cross attention have alike."""
    on = CROSS if prefix else {}

    def rule(first: str, *others: str, **values: Any) -> None:
        fields = tuple(name if name == "heads" else f"{prefix}attn_{name}" for name in (first, *others))
        found[fields] = [{**on, **{f"{prefix}attn_{name}": value for name, value in values.items()}}]

    found: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    kv_heads = f"{prefix}attn_kv_heads"
    rule("laser", "pre_scale_post_talking_heads", "cog_signed", laser=True, cog_signed=True)
    added, zero_kv, mem_kv = f"{prefix}residual_attn", f"{prefix}attn_add_zero_kv", f"{prefix}attn_num_mem_kv"
    found[added, zero_kv, mem_kv] = [{**on, added: True, zero_kv: [True, False]}]
    found["add_value_residual", kv_heads] = [{**on, "add_value_residual": True, kv_heads: [4, 2]}]
    sizes = ("qk_norm", "heads", "dim_head", "collab_heads", "collab_compression")
    rule("qk_norm_groups", *sizes, qk_norm=True, qk_norm_groups=32)
    rule("scale", "qk_norm", "qk_norm_dim_scale", qk_norm=True, scale=1.0)
    factors = ("qk_norm_dim_scale", "qk_norm_learned_temperature")
    rule("qk_norm_scale", *factors, qk_norm=True, qk_norm_scale=4.0, qk_norm_dim_scale=True)
    rule(*factors, qk_norm=True, qk_norm_dim_scale=True, qk_norm_learned_temperature=True)
    start = {"qk_norm": True, "qk_norm_learned_temperature": True}
    rule("qk_norm_seq_len", "qk_norm_temperature_init", **start, qk_norm_seq_len=8, qk_norm_temperature_init=1.0)
    rule("qk_rmsnorm", "k_rmsnorm", qk_rmsnorm=True, k_rmsnorm=True)
    rule("sparse_topk_straight_through", "sparse_topk", sparse_topk_straight_through=True)
    for gate in ("gate_values", "output_gate"):
        shapes = {gate: True, f"{gate}_rank": 2, f"{gate}_headwise": True}
        rule(f"{gate}_rank", f"{gate}_headwise", **shapes)
    rule("hybrid_learned_mix", "hybrid_module", hybrid_learned_mix=True)
    rule("hybrid_fold_axial_dim", "hybrid_module", hybrid_fold_axial_dim=2)
    rule("swiglu_values", "gate_values", "output_gate", swiglu_values=True)
    silu = {"gate_values": True, "low_rank_silu_gates": False}
    rule("low_rank_silu_gates", "gate_values_rank", "output_gate_rank", **silu)
    swiglu = f"{prefix}attn_swiglu_values"
    found["residual", swiglu] = [{**on, "residual": "rezero", swiglu: True, f"{prefix}attn_gate_values": True}]
    rule("inverted_attention", "normalizer", inverted_attention=True, normalizer="entmax15")
    sparse = {"sparse_topk": 2, "sparse_topk_straight_through": True}
    rule("inverted_attention", "sparse_topk_straight_through", inverted_attention=True, **sparse)
    rule("latent_rope_subheads", "dim_latent_kv", latent_rope_subheads=2)
    latent = {"dim_latent_kv": 8, "latent_rope_subheads": 3, "kv_heads": 2}
    rule("latent_rope_subheads", "heads", "kv_heads", "collab_heads", **latent)
    rule("collab_compression", "heads", "dim_head", collab_heads=True, collab_compression=0.001)
    return found


TRIGGERS |= {**attention_triggers(""), **attention_triggers("cross_")}


def rules_and_triggers() -> list[Any]:
    left = {fields: list(values) for fields, values in TRIGGERS.items()}
    pairs = []
    for rule in COMBINATIONS:
        queue = left.get(rule.fields, [])
        trigger = queue.pop(0) if queue else None
        pairs.append(pytest.param(rule, trigger, id="-".join(rule.fields)))
    return pairs


def test_no_trigger_is_left_over():
    counts = {fields: sum(rule.fields == fields for rule in COMBINATIONS) for fields in TRIGGERS}
    assert counts == {fields: len(values) for fields, values in TRIGGERS.items()}


@pytest.mark.parametrize(("rule", "trigger"), rules_and_triggers())
def test_values_that_break_exactly_this_rule(rule: Rule, trigger: dict[str, Any] | None):
    assert trigger is not None, f"the rule about {rule.fields} has no values in TRIGGERS"
    values = flat(**trigger)
    assert broken_rules(values, schema()) == [rule.sentence.format(**values)]
    with pytest.raises(ConfigError) as caught:
        validate(values, schema())
    message = str(caught.value)
    assert message == rule.sentence.format(**values)
    assert any(name in message for name in rule.fields)


@pytest.mark.parametrize(
    "values",
    [
        {"attn_scale": 1.0, "attn_qk_norm": [True, False]},  # of use in the second layer
        {"attn_qk_norm": True, "attn_qk_norm_dim_scale": True, "attn_scale": 1.0},
        {"attn_qk_norm": True, "attn_qk_norm_dim_scale": [True, False], "attn_qk_norm_scale": 4.0},
        {"attn_qk_norm": [False, True], "attn_qk_norm_groups": [3, 4]},
        {**CROSS, "cross_attn_collab_heads": True, "cross_attn_collab_compression": 0.5},
        {**CROSS, "attn_collab_heads": True, "cross_attn_collab_compression": 0.5},
    ],
    ids=str,
)
def test_what_is_of_use_in_some_layer_is_allowed(values):
    validate(flat(depth=2, **values), schema())


@pytest.mark.parametrize(
    ("values", "named"),
    [
        ({"attn_scale": [1.0, None], "attn_qk_norm": [True, False]}, "attn_scale"),
        ({**CROSS, "attn_collab_heads": [True, True], "cross_attn_collab_compression": 0.5}, "cross_attn_collab_heads"),
        ({**CROSS, "attn_qk_norm": True, "attn_qk_norm_groups": 4, "cross_attn_dim_head": 6}, "cross_attn_dim_head"),
    ],
    ids=str,
)
def test_what_is_of_use_in_no_layer_is_refused(values, named):
    with pytest.raises(ConfigError, match=named):
        validate(flat(depth=2, **values), schema())


@pytest.mark.parametrize("info", [info for info in schema().values() if info.needs], ids=lambda info: info.name)
def test_a_field_without_what_it_needs_is_refused(info):
    """One rule for each field that another one must turn on, made from its declaration."""
    small = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
    for example in info.examples:
        with pytest.raises(ConfigError, match=f"^{info.name}=.* has no effect while {next(iter(info.needs))}="):
            validate(flat(**{**small, info.name: example}), schema())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: "-".join(rule.fields))
def test_a_sentence_names_all_its_fields(rule: Rule):
    shown = {name for _, name, _, _ in string.Formatter().parse(rule.sentence) if name}
    assert set(rule.fields) | shown <= set(schema(ALL_GROUPS))
    assert [name for name in rule.fields if name not in rule.sentence] == []


@pytest.mark.parametrize(
    "values",
    [
        {"integrate_layers": True, "layers_execute_order": [0, 1, 0, 1, 2, 3]},
        {"integrate_layers": True, "weight_tie_layers": True},
        {"attn_aggregated_residuals": True, "layers_execute_order": [2, 3, 0, 1]},
        {"unet_skips": True, "cross_attend": True, "macaron": True},
        {"unet_skips": True, "only_attn": True},
        {**GATED, "pre_norm": False},
        {**HYPER, "reinject_input": True, "max_mem_len": 4},
        {**HYPER, "integrate_layers": True, "qkv_receive_diff_residuals": True, "max_mem_len": 4},
    ],
    ids=str,
)
def test_looking_back_goes_with_what_x_transformers_crashes_on(values):
    validate(flat(depth=2, **values), schema())


def test_defaults_break_nothing():
    assert broken_rules(flat(), schema()) == []
    validate(flat(), schema())


@pytest.mark.parametrize("info", schema().values(), ids=schema())
def test_every_example_with_what_it_needs_is_valid(info):
    small = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
    for example in info.examples:
        validate(flat(**{**small, **info.needs, **info.beside, info.name: example}), schema())


def test_wrong_values_are_told_all_at_once_and_before_rules():
    with pytest.raises(ConfigError) as caught:
        validate(flat(dim=0, norm_placement="inside", only_cross=True), schema())
    assert str(caught.value) == (
        "dim=0 is too small; allowed is int, >= 1; norm_placement='inside' is not a known name; "
        f"allowed is {schema()['norm_placement'].allowed}"
    )


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"dim": [32, 32]}, r"dim=\[32, 32\] is a list, but allowed is int, >= 1"),
        ({"attn_dropout": [0.1, 2]}, r"attn_dropout=\[0.1, 2\] is too large; allowed is float, >= 0 and <= 1"),
        ({"attn_dropout": [0.1]}, r"has 1 values for 2 self attention layers; .* a list of exactly 2"),
        ({"ff_mult": [1, 2, 3]}, r"ff_mult=.* has 3 values for 2 feed-forward layers"),
        ({"layer_dropout": [0.1, 0.2]}, r"layer_dropout=.* has 2 values for 4 layers"),
        ({"shift_tokens": [1, 1, 1]}, r"shift_tokens=.* has 3 values for 4 layers"),
        ({"scale_residual": 2.0}, r"scale_residual=2.0 is a float; allowed is bool"),
        ({**CROSS, "cross_attn_dropout": [0.1]}, r"has 1 values for 2 cross attention layers"),
        ({"custom_layers": "af"}, r"custom_layers='af' is a str; allowed is list of str \| None"),
    ],
)
def test_lists_a_layer(given, message):
    with pytest.raises(ConfigError, match=message):
        validate(flat(depth=2, **given), schema())


def test_lists_of_the_right_length_are_valid():
    validate(flat(depth=2, attn_dropout=[0.1, 0.2], ff_mult=(1, 2), layer_dropout=[0, 0.5, 0.5, 0]), schema())
