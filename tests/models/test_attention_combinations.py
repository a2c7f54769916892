"""Attention options beside others: the contracts of decoding and of padding hold for bundles of them, too."""

from __future__ import annotations

from typing import Any

import pytest

from ..contracts import test_contracts as contracts
from ..contracts import test_decoding as decoding
from ..contracts.cases import Case
from ..contracts.subjects.xdecoder import DECODER
from . import position_bundles

ROTARY = {"rotary_pos_emb": True}
LATENT = {"attn_dim_latent_kv": 12, "attn_latent_rope_subheads": 1, **ROTARY}
SELECTIVE = {"attn_selective": True}
INVERTED = {"attn_inverted_attention": True}
GQA = {"attn_kv_heads": 2}
BELIEF = {"attn_orthog_projected_values": True, "attn_orthog_projected_values_per_head": True}
GUMBEL = {"attn_normalizer": "gumbel"}
BUNDLES: dict[str, dict[str, Any]] = {
    "rotary key heads, grouped heads, values turn": {**LATENT, "attn_kv_heads": 2, "rotary_values": True},
    "rotary key heads, xpos, biases": {**LATENT, "rotary_xpos": True, "attn_qkv_bias": True, "attn_qk_norm": True},
    "rotary key heads, infused positions": {**LATENT, "position_infused_attn": True, "num_memory_tokens": 2},
    "rotary key heads by layer": {**LATENT, "attn_latent_rope_subheads": (3, None), "attn_num_mem_kv": 2},
    "selective, memory, window": {**SELECTIVE, "num_memory_tokens": 2, "attn_num_mem_kv": 2, "max_attend_past": 4},
    "selective, shifted tokens, streams": {**SELECTIVE, "shift_tokens": 2, "num_residual_streams": 2},
    "selective, across, grouped heads": {**SELECTIVE, "cross_attend": True, "attn_kv_heads": 2, **ROTARY},
    "selective by layer, sparse, talking": {
        **{"attn_selective": (True, False), "attn_sparse_topk": 3, "attn_sparse_topk_straight_through": True},
        **{"attn_pre_talking_heads": True, "attn_cog_signed": True, "attn_head_learned_sink": True},
    },
    "selective, tied layers, laser": {
        **SELECTIVE,
        "weight_tie_layers": True,
        "attn_laser": True,
        "residual_attn": True,
    },
    "inverted, memory, window": {**INVERTED, "num_memory_tokens": 2, "attn_num_mem_kv": 2, "max_attend_past": 4},
    "inverted, sinks, cog, grouped": {**INVERTED, "attn_head_learned_sink": True, "attn_cog_signed": True, **GQA},
    "inverted across, shifted": {"cross_attend": True, **INVERTED, "shift_tokens": 1, "attn_add_zero_kv": True},
    "inverted, selective, sparse": {**INVERTED, "attn_selective": True, "attn_sparse_topk": 3, **ROTARY},
    "belief, gates, attention on attention": {**BELIEF, "attn_gate_values": True, "attn_output_gate": True, **GQA},
    "belief, on attention, memory": {**BELIEF, "attn_on_attn": True, "num_memory_tokens": 2, "attn_laser": True},
    "belief, value residual, streams": {
        **{"attn_orthog_projected_values_per_head": True, "attn_value_dim_head": 5},
        **{"add_value_residual": True, "num_residual_streams": 2, "cross_attend": True},
    },
    "drawn keys, selective": {**GUMBEL, "attn_selective": True, "attn_gumbel_softmax_hard": False, **ROTARY},
    "drawn keys, sinks, sparse": {
        **GUMBEL,
        "attn_head_learned_sink": True,
        "attn_sparse_topk": 4,
        "max_attend_past": 5,
    },
}
EVERY = {**BUNDLES, **position_bundles.BUNDLES}
each_bundle = pytest.mark.parametrize("fields", EVERY.values(), ids=EVERY)


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
