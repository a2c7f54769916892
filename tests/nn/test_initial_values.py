"""What parameters start from."""

from __future__ import annotations

import math

import numpy as np
import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM

SIZE = {"num_tokens": 300, "dim": 128, "depth": 1, "heads": 4, "attn_dim_head": 32}


def parameters(**values):
    model = XDecoderForCausalLM(XDecoderConfig(**{**SIZE, **values}))
    return {name: p.numpy() for name, p in model.named_parameters()}


def test_linears_start_uniform_and_embeddings_normal():
    found = parameters()
    bound = 128**-0.5
    for name in ("stack.layers.0.attn.q_proj.weight", "stack.layers.1.ff.up_proj.weight"):
        weight = found["xdecoder." + name]
        assert np.abs(weight).max() <= bound
        assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.03)
    assert found["xdecoder.embeddings.word_embeddings.weight"].std() == pytest.approx((2 / 128) ** 0.5, rel=0.03)
    assert found["xdecoder.embeddings.position_embeddings.weight"].std() == pytest.approx(1, rel=0.03)
    assert np.abs(found["xdecoder.stack.layers.1.ff.up_proj.bias"]).max() > 0


def test_initializer_range_redraws_linears_and_embeddings():
    found = parameters(initializer_range=0.02, ff_zero_init_output=True)
    for name, value in found.items():
        if name.endswith("down_proj.weight"):
            assert not value.any()
        elif value.ndim == 2:
            assert value.std() == pytest.approx(0.02, rel=0.05), name


@pytest.mark.parametrize("norm", ["layernorm", "rmsnorm", "scalenorm", "dynamic_tanh", "derf"])
def test_gains_stored_less_one_start_as_the_same_model(norm):
    values = {"norm": norm, "use_layerscale": True, "layerscale_init_value": 0.1, "dynamic_tanh_init_alpha": 1.0}
    plain, stored = parameters(**values), parameters(**values, norm_add_unit_offset=True)
    gains = [name for name in plain if name.endswith(("norm.weight", "norm.alpha", "layer_scale.weight"))]
    assert len(gains) == (8 if norm in ("dynamic_tanh", "derf") else 5)
    for name in gains:
        np.testing.assert_allclose(stored[name], plain[name] - 1, atol=1e-6, err_msg=name)


@pytest.mark.parametrize("field", ["attn_zero_init_output", "ff_zero_init_output", "zero_init_branch_output"])
def test_zero_init_makes_the_branch_start_as_nothing(field):
    found = parameters(**{field: True})
    last = [("attn.o_proj", "attn"), ("ff.down_proj", "ff")]
    for projection, kind in last:
        weights = [v for name, v in found.items() if projection in name and name.endswith("weight")]
        zero = field.startswith(kind) or field == "zero_init_branch_output"
        assert all((not w.any()) == zero for w in weights)


@pytest.mark.parametrize(
    ("given", "factor"),
    [
        ({"attn_qk_norm_seq_len": 64}, math.log2(64**2 - 64)),  # section 3 of 2010.04245
        ({"qk_norm_attn_seq_len": 2}, 1),
        ({"attn_qk_norm_temperature_init": -2.0}, math.exp(2)),
        ({"attn_qk_norm_temperature_init": 0.0}, 1),
        ({}, math.exp(3)),
    ],
    ids=str,
)
def test_where_the_learned_temperature_starts(given, factor):
    found = parameters(use_qk_norm_attn=True, **given)["xdecoder.stack.layers.0.attn.qk_norm.log_temperature"]
    np.testing.assert_allclose(1 / np.exp(found), np.full([4, 1, 1], factor), rtol=1e-6)


def test_cross_attention_has_a_temperature_of_its_own():
    values = {"attn_qk_norm": True, "attn_qk_norm_learned_temperature": True, "attn_qk_norm_seq_len": 8}
    found = parameters(cross_attend=True, cross_attn_qk_norm_seq_len=32, **values)
    starts = [value[0, 0, 0] for name, value in found.items() if name.endswith("log_temperature")]
    np.testing.assert_allclose(starts, [-math.log(math.log2(n * n - n)) for n in (8, 32)], rtol=1e-6)


def test_factors_of_features_start_so_that_scores_are_as_large_as_without():
    found = parameters(attn_qk_norm=True, attn_qk_norm_dim_scale=True)
    for side in ("q", "k"):
        scale = found[f"xdecoder.stack.layers.0.attn.qk_norm.{side}_scale"]
        np.testing.assert_allclose(scale, np.full([4, 1, 32], 32**0.25), rtol=1e-6)


def test_dynamic_tanh_starts_as_steep_as_asked():
    found = parameters(norm="dynamic_tanh", dynamic_tanh_init_alpha=0.7)
    steepness = [value for name, value in found.items() if name.endswith("norm.alpha")]
    assert len(steepness) == 3
    np.testing.assert_allclose(steepness, [[0.7]] * 3, rtol=1e-6)


@pytest.mark.parametrize("given", [{}, {"initializer_range": 0.5}], ids=str)
def test_last_linears_start_smaller_the_deeper_they_stand(given):
    found = parameters(**{"depth_scale_residual": True, "depth": 3, **given})
    for block in range(3):
        for index, name in enumerate(("attn.o_proj", "ff.down_proj")):
            weight = found[f"xdecoder.stack.layers.{2 * block + index}.{name}.weight"]
            wanted = (2 * weight.shape[0] * (block + 1)) ** -0.5
            assert weight.std() == pytest.approx(wanted, rel=0.03), name
            assert np.abs(weight).max() > 2.5 * wanted  # normal, not uniform


@pytest.mark.parametrize("given", [{}, {"initializer_range": 0.02}], ids=str)
def test_embeddings_of_unit_length_start_small(given):
    found = parameters(l2norm_embed=True, **given)
    for name in ("word_embeddings", "position_embeddings"):
        assert found[f"xdecoder.embeddings.{name}.weight"].std() == pytest.approx(1e-5, rel=0.03)


def test_layer_scale_starts_where_asked():
    for given, start in (({}, 0.0), ({"layerscale_init_value": 0.1}, 0.1)):
        found = parameters(use_layerscale=True, **given)
        scales = [value for name, value in found.items() if name.endswith("layer_scale.weight")]
        np.testing.assert_allclose(scales, np.full([2, 128], start), rtol=1e-6)


def test_collaborative_heads_start_with_normal_mixing():
    mixing = parameters(attn_collab_heads=True)["xdecoder.stack.layers.0.attn.collaborative_heads.mixing"]
    assert mixing.shape == (4, 1, int(0.3 * 4 * 32))
    assert mixing.mean() == pytest.approx(0, abs=0.2)
    assert mixing.std() == pytest.approx(1, rel=0.15)


def test_gates_start_open_or_half_open_and_sinks_and_gains_at_their_neutral_value():
    options = {"attn_gate_values": True, "attn_gate_values_rank": 3, "attn_output_gate": True}
    norms = {"attn_qk_rmsnorm": True, "attn_value_rmsnorm": True}
    found = parameters(**options, **norms, attn_gate_value_heads=True, attn_head_learned_sink=True)
    attn = {name.removeprefix("xdecoder.stack.layers.0.attn."): value for name, value in found.items()}
    for name in ("gate_values.proj.up.weight", "gate_values.output_proj.weight", "gate_heads.proj.weight"):
        assert not attn[name].any()
    for name in ("learned_sink.weight", "qk_rmsnorm.q_weight", "qk_rmsnorm.k_weight", "value_rmsnorm.weight"):
        assert not attn[name].any()
    assert attn["gate_values.proj.down.weight"].any()
    np.testing.assert_array_equal(attn["gate_heads.bias"], np.full([4], 10.0, "float32"))


def test_cross_attention_has_a_switch_of_its_own():
    found = parameters(cross_attend=True, cross_attn_zero_init_output=True)
    assert not found["xdecoder.stack.layers.1.cross_attn.o_proj.weight"].any()
    assert found["xdecoder.stack.layers.0.attn.o_proj.weight"].any()


def test_conditioned_parts_start_without_the_condition():
    for given, start in (({}, -2.0), ({"adaptive_layerscale_init_bias": 0.5}, 0.5)):
        for more in ({}, {"initializer_range": 0.02}):
            found = parameters(use_adaptive_layerscale=True, norm="adaptive_rmsnorm", **given, **more)
            scales = [value for name, value in found.items() if name.endswith("layer_scale.proj.bias")]
            np.testing.assert_array_equal(scales, np.full([2, 128], start, "float32"))
            weights = [
                value for name, value in found.items() if name.endswith(("norm.proj.weight", "scale.proj.weight"))
            ]
            assert len(weights) == 5
            assert not any(weight.any() for weight in weights)


def test_forget_gates_start_nearly_open():
    forgetting = "xdecoder.stack.layers.0.attn.forgetting."
    given = {"attn_data_dependent_alibi": True, "initializer_range": 0.02}
    np.testing.assert_array_equal(parameters(**given)[forgetting + "bias"], np.full(4, 5.0))
    found = parameters(**given, attn_data_dependent_alibi_kwargs={"bias_init": 2.0})
    np.testing.assert_array_equal(found[forgetting + "bias"], np.full(4, 2.0))


def test_contextual_positions_start_as_nothing():
    layer = "xdecoder.stack.layers.0.attn."
    found = parameters(attn_use_cope=True, attn_cope_talking_heads=True)
    assert not found[layer + "position_logits.weight"].any()
    assert 0 < np.abs(found[layer + "contextual_positions.mix"]).max() <= 4**-0.5


def test_basis_curves_start_small():
    found = parameters(attn_use_rel_proj_pos_bias=True)["xdecoder.stack.layers.0.attn.relative_projection.curves"]
    assert found.shape == (16, 1024)
    assert found.std() == pytest.approx(0.02, rel=0.05)


def test_polar_angles_start_at_nothing_or_spread():
    name = "xdecoder.stack.turning.bias"
    assert not parameters(polar_pos_emb=True, initializer_range=0.02)[name].any()
    found = parameters(polar_pos_emb=True, polar_bias_uniform_init=True)[name]
    assert found.shape[1] == 1 and -2 * np.pi <= found.min() < -6 and -0.3 < found.max() <= 0
    assert found.mean() == pytest.approx(-np.pi, abs=0.5)
