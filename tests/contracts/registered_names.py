"""What the fields of each socket are tried with, of the parts in `registered.py`. Pure Python, for docs/proofs.py."""

from __future__ import annotations

from typing import Any

# Values of the field, by socket; the settings of a part may stand beside its name.
REGISTERED: dict[str, tuple[Any, ...]] = {
    "norm": ({"name": "peak_norm", "floor": 0.5},),
    "position_embedding": ("zigzag",),
    "position_bias": ("logarithmic",),
    "residual": ("leaky",),
    "attn_normalizer": ({"name": "rectified", "power": 1}, "tempered"),
    "attn_hybrid_module": ({"name": "decaying_sum", "rate": 2}, "gated_token"),
    "ff_activation": ({"name": "snake", "frequency": 2}, "scaled_tanh"),
    "token_emb": ({"name": "hashed", "buckets": 5},),
    "transform_token_embeds": ("stretched", "squashed"),
    "ff_layer": ("two_experts", {"name": "two_experts", "width": 8}),
}
