"""Biases that tokens compute, beside other options: what test_attention_combinations.py is run with, too."""

from __future__ import annotations

from typing import Any

FORGETTING = {"attn_data_dependent_alibi": True}
BY_ROW = {**FORGETTING, "attn_data_dependent_alibi_per_row": True}
CURVES = {"attn_use_rel_proj_pos_bias": True, "attn_rel_proj_max_dist": 5}
COPE = {"attn_use_cope": True, "attn_cope_max_pos": 4}
DYNAMIC = {"position_bias": "dynamic"}
LATENT = {"attn_dim_latent_kv": 12, "attn_latent_rope_subheads": 1, "rotary_pos_emb": True}
INVERTED = {"attn_inverted_attention": True}
BETWEEN = {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3}
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
    "contextual, memory between": {**COPE, **BETWEEN, "attn_num_mem_kv": 2},
    "by row, memory between, selective": {**BY_ROW, **SELECTIVE, **BETWEEN},
    "curves, dynamic, memory between, shifted": {**CURVES, **DYNAMIC, **BETWEEN, "shift_tokens": 2, "max_seq_len": 20},
    "contextual, forgetting, curves, dynamic": {**COPE, **FORGETTING, **CURVES, **DYNAMIC, "attn_num_mem_kv": 2},
}
