"""The ideas that plug into the attention layer, in the order they act at each stage."""

from __future__ import annotations

from collections.abc import Callable

from .attention_on_attention import AttentionOnAttention
from .base import NEEDS_SCORES, STAGES, AttentionPart, Site, Step, acts_at
from .belief import Belief
from .cog import CogSigned
from .collaborative_heads import CollaborativeHeads
from .contextual_positions import ContextualPositions, PositionLogits
from .forgetting import make_forgetting
from .gate_heads import GateHeads
from .gate_values import GateValues
from .gumbel import GumbelSoftmax
from .head_norms import QKRMSNorm, ValueRMSNorm
from .head_scale import HeadScale
from .hybrid import Hybrid
from .inverted import InvertedAttention
from .l2_distance import L2Distance
from .laser import Laser
from .latents import LatentKeyValues, LatentQueries
from .learned_sink import LearnedSink
from .memory_kv import MemoryKeyValues
from .qk_norm import QKNorm
from .relative_projection import RelativeProjection
from .residual_scores import ResidualScores
from .rope_keys import RopeKeys
from .selective import Selective
from .softclamp import SoftClamp
from .sparse_topk import SparseTopK
from .talking_heads import PostTalkingHeads, PreTalkingHeads, ScaledWeights, ScoreScale
from .value_residual import ValueResidual
from .zero_kv import ZeroKeyValue


def _adds_scores(site: Site) -> bool:
    return site.options.residual_attn if site.kind == "a" else site.options.cross_residual_attn


def _projects_out(site: Site) -> bool:
    options = site.options
    return options.attn_orthog_projected_values or options.attn_orthog_projected_values_per_head


def _in_self_attention(field: str) -> Callable[[Site], bool]:
    """Whether a position field asks for a part of self attention."""
    return lambda site: site.kind == "a" and bool(getattr(site.position, field))


# Attribute of the attention layer -> when it is there, and how it is built.
PARTS: dict[str, tuple[Callable[[Site], bool], Callable[[Site], AttentionPart]]] = {
    "latent_queries": (lambda site: site.options.attn_dim_latent_q is not None, LatentQueries),
    "latent_keys_values": (lambda site: site.options.attn_dim_latent_kv is not None, LatentKeyValues),
    "rope_keys": (lambda site: site.options.attn_latent_rope_subheads is not None, RopeKeys),
    "collaborative_heads": (lambda site: site.options.attn_collab_heads, CollaborativeHeads),
    "qk_norm": (lambda site: site.options.attn_qk_norm, QKNorm),
    "qk_rmsnorm": (lambda site: site.options.attn_qk_rmsnorm or site.options.attn_k_rmsnorm, QKRMSNorm),
    "value_residual": (lambda site: site.options.add_value_residual, ValueResidual),
    "value_rmsnorm": (lambda site: site.options.attn_value_rmsnorm, ValueRMSNorm),
    "memory_kv": (lambda site: site.options.attn_num_mem_kv > 0, MemoryKeyValues),
    "zero_kv": (lambda site: site.options.attn_add_zero_kv, ZeroKeyValue),
    "position_logits": (_in_self_attention("attn_use_cope"), PositionLogits),
    "l2_distance": (lambda site: site.options.attn_l2_distance, L2Distance),
    "residual_scores": (_adds_scores, ResidualScores),
    "score_scale": (lambda site: site.options.attn_pre_scale_post_talking_heads, ScoreScale),
    "pre_talking_heads": (lambda site: site.options.attn_pre_talking_heads, PreTalkingHeads),
    "forgetting": (_in_self_attention("attn_data_dependent_alibi"), make_forgetting),
    "relative_projection": (_in_self_attention("attn_use_rel_proj_pos_bias"), RelativeProjection),
    "softclamp": (lambda site: site.options.attn_softclamp_logits, SoftClamp),
    "contextual_positions": (_in_self_attention("attn_use_cope"), ContextualPositions),
    "learned_sink": (lambda site: site.options.attn_head_learned_sink, LearnedSink),
    "cog_signed": (lambda site: site.options.attn_cog_signed, CogSigned),
    "selective": (lambda site: site.kind == "a" and site.options.attn_selective, Selective),
    "sparse_topk": (lambda site: site.options.attn_sparse_topk is not None, SparseTopK),
    "inverted": (lambda site: site.options.attn_inverted_attention, InvertedAttention),
    "gumbel": (lambda site: site.options.attn_normalizer == "gumbel", GumbelSoftmax),
    "post_talking_heads": (lambda site: site.options.attn_post_talking_heads, PostTalkingHeads),
    "scaled_weights": (lambda site: site.options.attn_pre_scale_post_talking_heads, ScaledWeights),
    "laser": (lambda site: site.options.attn_laser, Laser),
    "head_scale": (lambda site: site.options.attn_head_scale, HeadScale),
    "gate_heads": (lambda site: site.options.attn_gate_value_heads, GateHeads),
    "hybrid": (lambda site: site.options.attn_hybrid_module is not None, Hybrid),
    "attention_on_attention": (lambda site: site.options.attn_on_attn, AttentionOnAttention),
    "gate_values": (lambda site: site.options.attn_gate_values or site.options.attn_output_gate, GateValues),
    "belief": (_projects_out, Belief),
}


def make_parts(site: Site) -> dict[str, AttentionPart]:
    """Build the parts that the fields of a layer ask for, by attribute name."""
    return {name: build(site) for name, (wanted, build) in PARTS.items() if wanted(site)}


__all__ = ["NEEDS_SCORES", "PARTS", "STAGES", "AttentionPart", "Site", "Step", "acts_at", "make_parts"]
