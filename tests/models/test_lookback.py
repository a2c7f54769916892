"""Layers that look back at earlier ones, more kinds of streams, and what they meet."""

from __future__ import annotations

import random

import numpy as np
import paddle
import pytest

from ..contracts.cases import build, extras, logits, tokens

LIME = {"integrate_layers": True}
DEPTHS = {"attn_aggregated_residuals": True}
VIEWS = {"qkv_receive_diff_residuals": True}
HYPER = {"residual": "hyper", "num_residual_streams": 2}
GATED = {"residual": "gated_multi", "num_residual_streams": 3, "read_gate_rank": 4}
MEANS = {"residual": "mv_split", "mv_split_learned": True}
REINJECT = {"reinject_input": True, "learned_reinject_input_gate": True}
GATE_ALONE = {"learned_reinject_input_gate": True}
UNET = {"unet_skips": True, "depth": 3}
GATES = {"attn_gate_values": True, "attn_gate_value_heads": True}

# Much of this is what x-transformers accepts and then crashes on, or computes wrongly while decoding.
TOGETHER = [
    {**UNET, "macaron": True},
    {**UNET, "cross_attend": True},
    {**UNET, "only_attn": True, "shift_tokens": 1},
    {**UNET, **MEANS, "num_memory_tokens": 2},
    {**UNET, "norm_placement": "resi_dual"},
    {**HYPER, **REINJECT, "max_mem_len": 6},
    {**HYPER, **VIEWS, **GATES, "attn_dim_latent_kv": 6},
    {**HYPER, **LIME, **UNET, "max_mem_len": 6, "shift_tokens": 2},
    {**HYPER, **DEPTHS, **VIEWS, "position_infused_attn": True},
    {**GATED, "max_mem_len": 6},
    {**GATED, **VIEWS, "shift_tokens": (1, 0, 2, 0), "attn_kv_heads": 2},
    {**GATED, **LIME, "norm_placement": "post", "cross_attend": True},
    {**LIME, "layers_execute_order": (0, 1, 2, 3, 0, 1)},
    {**LIME, "weight_tie_layers": True, "layer_integrate_use_softmax": False},
    {**LIME, "add_value_residual": True, "max_mem_len": 6, "depth": 3},
    {**DEPTHS, **VIEWS, "layers_execute_order": (2, 3, 0, 1, 2), "max_attend_past": 2},
    {**DEPTHS, **VIEWS, **MEANS, "shift_tokens": 2, "num_memory_tokens": 2},
    {**DEPTHS, **VIEWS, "attn_collab_heads": True, "attn_qk_norm": True},
    {**MEANS, "shift_tokens": 1, "cross_attend": True, "scale_residual": True},
    {**MEANS, "weight_tie_layers": True, "attn_kv_heads": 1, "norm_placement": "sandwich"},
    {"norm_placement": "resi_dual", "max_mem_len": 6, "scale_residual": True, "softclamp_output": True},
    {"norm_placement": "resi_dual", **LIME, **REINJECT},
    {**GATE_ALONE, **HYPER, "num_memory_tokens": 2, "max_mem_len": 6},
    {**GATE_ALONE, **DEPTHS, "shift_tokens": 1, "cross_attend": True},
]
each_together = pytest.mark.parametrize("values", TOGETHER, ids=str)


@each_together
def test_decoding_equals_one_pass(values):
    model, ids = build(values), tokens()
    pieces, cache = [], None
    for start, stop in ((0, 5), (5, 6), (6, 8), (8, 14)):
        output = model(ids[:, start:stop], past_key_values=cache, use_cache=True, return_dict=True, **extras(model))
        pieces.append(output.logits.numpy())
        cache = output.past_key_values
    np.testing.assert_allclose(np.concatenate(pieces, axis=1), logits(model, ids), atol=1e-4)


@each_together
def test_later_tokens_and_padding_change_nothing(values):
    model, ids = build(values), tokens()
    whole = logits(model, ids)
    changed = ids.clone()
    changed[:, 9:] = (changed[:, 9:] - 3 + 7) % 34 + 3
    np.testing.assert_allclose(logits(model, changed)[:, :9], whole[:, :9], atol=1e-5)
    padded = paddle.concat([paddle.zeros([2, 3], "int64"), ids], axis=1)
    mask = (paddle.arange(17) >= 3).astype("int64").expand([2, 17])
    np.testing.assert_allclose(logits(model, padded, attention_mask=mask)[:, 3:], whole, atol=1e-4)


@each_together
def test_recompute_changes_no_gradient(values):
    found = []
    for on in (False, True):
        model = build({**values, "layer_dropout": 0.4})
        model.train()
        if on:
            model.recompute_enable()
        random.seed(5)
        model(tokens(), labels=tokens(), return_dict=True, **extras(model)).loss.backward()
        found.append({name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None})
    assert found[0].keys() == found[1].keys()
    for name, gradient in found[0].items():
        np.testing.assert_allclose(found[1][name], gradient, atol=1e-5, err_msg=name)


@each_together
def test_mems_of_a_segment_are_read_by_the_next(values):
    if "max_mem_len" not in values:
        values = {**values, "max_mem_len": 6}
    if {**VIEWS, "residual": values.get("residual")}.items() <= values.items() and not (
        values.get("attn_aggregated_residuals") or values.get("integrate_layers")
    ):
        with pytest.raises(ValueError, match="mems"):
            build(values)
        return
    model, ids = build(values), tokens()
    first = model(ids[:, :6], return_mems=True, return_dict=True, **extras(model))
    second = model(ids[:, 6:], mems=first.mems, return_dict=True, **extras(model)).logits.numpy()
    assert np.isfinite(second).all()
    if any(layer.kind == "a" for layer in model.config.stack_options().layers):
        assert np.abs(second - logits(model, ids[:, 6:])).max() > 1e-4


def test_a_skipped_layer_leaves_the_way_of_the_streams_alone():
    """Stochastic depth leaves branches out, and not the linears of a U-Net, which stand on the streams' own way."""
    ids = tokens()
    model = build({**UNET, "depth": 2, "layer_dropout": 1.0})
    model.train()
    skip = model.xdecoder.stack.layers[2].unet_skip.proj.weight.numpy()
    x = model.xdecoder.embeddings(ids, paddle.arange(14).unsqueeze(0)).numpy()
    stack = model.xdecoder.stack
    wanted = stack.final_norm(paddle.to_tensor(np.concatenate([x, x], axis=-1) @ skip)).numpy()
    np.testing.assert_allclose(model.xdecoder(ids, return_dict=True).last_hidden_state.numpy(), wanted, atol=1e-5)


def test_a_running_mean_counts_no_padding_of_earlier_calls():
    """A left-padded prompt goes on as it would alone."""
    model, ids = build(MEANS), tokens()
    padded = paddle.concat([paddle.zeros([2, 3], "int64"), ids], axis=1)
    mask = (paddle.arange(17) >= 3).astype("int64").expand([2, 17])
    first = model(padded[:, :9], attention_mask=mask[:, :9], use_cache=True, return_dict=True)
    more = {"attention_mask": mask, "past_key_values": first.past_key_values, "return_dict": True}
    np.testing.assert_allclose(model(padded[:, 9:], **more).logits.numpy(), logits(model, ids)[:, 6:], atol=1e-4)
