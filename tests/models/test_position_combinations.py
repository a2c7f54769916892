"""Biases that tokens compute, beside others: the contracts of decoding and of padding hold for bundles of them, too."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from ..contracts import test_contracts as contracts
from ..contracts import test_decoding as decoding
from ..contracts.cases import Case, build, logits, tokens
from ..contracts.subjects.xdecoder import DECODER

FORGETTING = {"attn_data_dependent_alibi": True}
BY_ROW = {**FORGETTING, "attn_data_dependent_alibi_per_row": True}
CURVES = {"attn_use_rel_proj_pos_bias": True, "attn_rel_proj_max_dist": 5}
COPE = {"attn_use_cope": True, "attn_cope_max_pos": 4}
DYNAMIC = {"position_bias": "dynamic"}
LATENT = {"attn_dim_latent_kv": 12, "attn_latent_rope_subheads": 1, "rotary_pos_emb": True}
INVERTED = {"attn_inverted_attention": True}
SELECTIVE = {"attn_selective": True}
BUNDLES: dict[str, dict[str, Any]] = {
    "forgetting, inverted, memory": {**FORGETTING, **INVERTED, "num_memory_tokens": 2, "attn_num_mem_kv": 2},
    "forgetting, selective, window": {**FORGETTING, **SELECTIVE, "max_attend_past": 4, "num_memory_tokens": 2},
    "forgetting, views": {
        **FORGETTING,
        **{"residual": "hyper", "num_residual_streams": 2, "qkv_receive_diff_residuals": True, "shift_tokens": 1},
    },
    "forgetting, layers of before": {**FORGETTING, "integrate_layers": True, "residual_attn": True, **CURVES},
    "forgetting, hybrid": {**FORGETTING, "attn_hybrid_module": "gru", "attn_hybrid_fold_axial_dim": 2},
    "by row, inverted, zero": {**BY_ROW, **INVERTED, "attn_add_zero_kv": True, "attn_kv_heads": 2},
    "by row, latents, dynamic": {**BY_ROW, **LATENT, **DYNAMIC},
    "by row, selective, across": {**BY_ROW, **SELECTIVE, "cross_attend": True, "residual": "mv_split"},
    "curves, latents, clamp": {**CURVES, **LATENT, "attn_softclamp_logits": True, "num_memory_tokens": 2},
    "curves, selective, drawn keys": {**CURVES, **SELECTIVE, "attn_normalizer": "gumbel"},
    "contextual, inverted, talking": {**COPE, **INVERTED, "attn_pre_talking_heads": True, "residual_attn": True},
    "contextual, selective, sinks": {
        **COPE,
        **SELECTIVE,
        **{"attn_cope_talking_heads": True, "attn_head_learned_sink": True, "max_attend_past": 5},
    },
    "contextual, hybrid, belief": {
        **COPE,
        **{"attn_cope_soft_onehot_pos": True, "attn_hybrid_module": "gru"},
        **{"attn_orthog_projected_values": True, "num_memory_tokens": 2},
    },
    "contextual, forgetting, curves, dynamic": {**COPE, **FORGETTING, **CURVES, **DYNAMIC, "attn_num_mem_kv": 2},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)


@each_bundle
def test_decoding_and_causality(fields):
    case = Case("", fields)
    decoding.test_cached_decoding_equals_one_pass(DECODER, case)
    decoding.test_a_cache_is_a_value(DECODER, case)
    decoding.test_later_tokens_change_nothing_before_them(DECODER, case)


@each_bundle
def test_padding_and_generation(fields):
    case = Case("", fields)
    contracts.test_a_padded_row_equals_the_row_alone(DECODER, case)
    contracts.test_a_row_without_keys_is_zero_and_has_finite_gradients(DECODER, case)
    decoding.test_generation_with_a_cache_equals_generation_without(DECODER, case)


@each_bundle
def test_gradients_and_recompute(fields):
    case = Case("", fields)
    contracts.test_gradient_reaches_every_parameter(DECODER, case)
    contracts.test_recompute_changes_no_gradient(DECODER, case)


MASKED = {"forgetting": FORGETTING, "by row": BY_ROW, "curves": CURVES, "contextual": COPE, "dynamic": DYNAMIC}


@pytest.mark.parametrize("fields", MASKED.values(), ids=MASKED)
@pytest.mark.parametrize("axes", [3, 4])
def test_what_a_mask_with_more_axes_hides_is_not_seen(fields, axes):
    """A token that nobody may look at still has its place, and its gate; only that is left of it."""
    model, ids = build({**fields, "depth": 1, "position_embedding": "none"}), tokens()
    mask = paddle.ones([2, 14, 14], dtype="int64")
    mask[:, :, 4] = 0
    mask[:, 4, 4] = 1
    mask = mask if axes == 3 else mask.unsqueeze(1)
    whole = logits(model, ids, attention_mask=mask)
    first = model(ids[:, :9], attention_mask=mask[..., :9, :9], use_cache=True, return_dict=True)
    rest = logits(model, ids[:, 9:], attention_mask=mask[..., 9:, :], past_key_values=first.past_key_values)
    np.testing.assert_allclose(np.concatenate([first.logits.numpy(), rest], 1), whole, atol=1e-4)
    keys = paddle.ones([2, 14], dtype="int64")
    keys[:, 4] = 0
    hidden = logits(model, ids, self_attn_kv_mask=keys)
    others = [place for place in range(14) if place != 4]
    np.testing.assert_allclose(hidden[:, others], whole[:, others], atol=1e-5)
    other = ids.clone()
    other[:, 4] = (other[:, 4] - 3 + 7) % 34 + 3
    moved = np.abs(logits(model, other, attention_mask=mask) - whole)[:, others].max()
    assert (moved > 1e-5) == ("attn_data_dependent_alibi" in fields)
