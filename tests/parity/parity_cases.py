"""What is compared with x-transformers: a new option is one line in CASES, or its reason in NOT_IN_UPSTREAM."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from paddle_xformers.config import canonical

Options = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One model, built twice.

    Args:
        name: Its name in the test's id.
        upstream: Keywords of x-transformers' Decoder, which our configuration takes as well.
        wrapper: Keywords of its TransformerWrapper, likewise.
        ours: Further fields of our configuration only; they win over the two above.
        theirs: Further keywords of the Decoder only; activations by the name of their class in torch.nn.
        their_wrapper: Further keywords of the TransformerWrapper only.
        inputs: What is passed beside token ids: "right padding", "left padding", "attention mask", "context mask",
            "context positions" (counted by ours), "far context" (positions that are given),
            "mems" (a second segment after a first), "token types", "condition", "token conditions",
            "prepended", "prepended mask" (vectors in front), "summed",
            "extra ids".
        families: The families it is built for.
        same_parameters: Whether each parameter of ours is one of theirs, so that gradients can be compared.
    """

    name: str
    upstream: Options = field(default_factory=dict)
    wrapper: Options = field(default_factory=dict)
    ours: Options = field(default_factory=dict)
    theirs: Options = field(default_factory=dict)
    their_wrapper: Options = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    same_parameters: bool = True
    families: tuple[str, ...] = ("decoder", "encoder")

    @property
    def fields(self) -> set[str]:
        """The fields of our configuration that the case sets."""
        return set(canonical({**self.upstream, **self.wrapper, **self.ours}))

    def is_for(self, family: str) -> bool:
        """Whether the case is built for a family: an encoder carries nothing from one segment to the next."""
        return family in self.families and (family == "decoder" or "max_mem_len" not in self.fields)


ROTARY = {"rotary_pos_emb": True}
XPOS = ROTARY | {"rotary_xpos": True}
TURNED = {"cross_attn_rotary_pos_emb": True}
POLAR = {"polar_pos_emb": True}
ALIBI = {"alibi_pos_bias": True}
T5 = {"rel_pos_bias": True}
DYNAMIC = {"dynamic_pos_bias": True}
DYNAMIC_NORM = {"dynamic_pos_bias_norm": True, "dynamic_pos_bias_mlp_depth": 3}
FORGETTING = {"attn_data_dependent_alibi": True}
BY_ROW = FORGETTING | {"attn_data_dependent_alibi_per_row": True}
BY_ROW_WIDTH = {"attn_data_dependent_alibi_per_row_dim_head": 3}
PROJECTED = {"attn_use_rel_proj_pos_bias": True}
PROJECTED_SIZES = {"attn_rel_proj_num_distance_basis": 3, "attn_rel_proj_max_dist": 9}
COPE = {"attn_use_cope": True}
COPE_MIX = {"attn_cope_talking_heads": True}
CROSS = {"cross_attend": True}
HYBRID = {"attn_hybrid_module": "gru", "attn_hybrid_fold_axial_dim": 1}
GQA = {"attn_kv_heads": 2}
NO_GQA = {"attn_kv_heads": None}
QK_NORM = {"attn_qk_norm": True}
GLU = {"ff_glu": True}
VALUES = {"add_value_residual": True}
# Narrow: with the weights drawn here, a GRU of width 32 blows float32's own errors up to 1e-4, upstream's as ours.
GRU = {"gate_residual": True, "dim": 8}
DEEP = {"scale_residual_constant": 1.7, "pre_norm": False}
HYPER = {"num_residual_streams": 3}
COMPAT = {"upstream_compat": True}  # x-transformers 2.31 sums the streams where the paper mixes them
GATED = {"gated_multi_residual": True, "num_residual_streams": 3, "residual_fn_kwargs": {"read_gate_rank": 5}}
VIEWS = {"qkv_receive_diff_residuals": True}
MEANS = {"mv_split_residual": True, "residual_fn_kwargs": {"init_alpha": 0.1}}
LEARNED_MEANS = {"mv_split_residual": True, "residual_fn_kwargs": {"learned": True, "init_beta": 0.5}}
LIME = {"integrate_layers": True}
DEPTHS = {"attn_aggregated_residuals": True, "attn_aggregated_residual_kwargs": {"lora_rank": 6}}
UNET = {"unet_skips": True}
REINJECT = {"reinject_input": True}
SCALES = {"use_layerscale": True, "layerscale_init_value": 0.1}
XL = {"max_mem_len": 8}
MEMORY = {"num_memory_tokens": 3}
SEGMENTS = MEMORY | {"memory_tokens_interspersed_every": 4}
WHOLE_SEGMENTS = MEMORY | {"memory_tokens_interspersed_every": 7}  # theirs fills the last one up, and remembers that
SHIFT = {"shift_tokens": 2}
ADA_LAYER, ADA_RMS = {"use_adaptive_layernorm": True}, {"use_adaptive_rmsnorm": True}
FEW = {"dim_condition": 3}
ADA_SCALE, ADA_MLP = {"use_adaptive_layerscale": True}, {"adaptive_condition_mlp": True}
PADDED, LEFT, MEMS = ("right padding",), ("left padding",), ("mems",)
TYPES = {"embed_num_tokens": {"sentence": 3}}
MIXTURE = {"mixture_of_softmax": True, "mixture_of_softmax_k": 3}
TIED_SIGMOID = {"sigsoftmax_logits": True, "tie_embedding": True}
DECODER, ENCODER = ("decoder",), ("encoder",)
CAPPED = {"attn_softclamp_logits": True, "attn_logit_softclamp_value": 0.5}
STRAIGHT = {"attn_sparse_topk": 3, "attn_sparse_topk_straight_through": True}
GATES = {"attn_gate_values": True, "attn_output_gate": True}
SILU = {"attn_swiglu_values": True}
SCALED = {"attn_pre_scale_post_talking_heads": True}
LATENTS = {"attn_use_latent_q": True, "attn_dim_latent_q": 12, "attn_use_latent_kv": True, "attn_dim_latent_kv": 9}
SINKS, COG = {"attn_head_learned_sink": True}, {"attn_cog_signed": True}
SUBHEADS = {"attn_latent_rope_subheads": 2}
LEARNED_KEYS = {"attn_num_mem_kv": 2}
INVERTED = {"cross_attn_inverted_attention": True}
GUMBEL = {"attn_gumbel_softmax": True}  # without its noise, see parity_models
SOFT = {"attn_gumbel_softmax_hard": False, "attn_gumbel_softmax_temp": 0.7}
SELECTIVE = {"attn_selective": True}
HEADWISE = {"attn_gate_values_headwise": True, "attn_output_gate_headwise": True}


def across(options: Options) -> Options:
    """The same options for cross attention."""
    return {f"cross_{name}": value for name, value in options.items()}


# What attention layers do to scores, weights and values; each in self attention and in cross attention.
RANKS = {"attn_gate_values_rank": 3, "attn_output_gate_rank": 2}
VARIANTS = [
    Case("capped scores", CAPPED | ALIBI),
    Case("capped scores, padding", CAPPED | GQA, inputs=PADDED),
    Case("capped scores across", CROSS | across(CAPPED), inputs=("context mask",)),
    Case("sigmoid attention", {"attn_sigmoid": True} | GQA, inputs=PADDED),
    Case("sigmoid attention across", CROSS | {"cross_attn_sigmoid": True}, inputs=("context mask",)),
    Case("hard attention", {"attn_hard": True} | GQA | ROTARY),
    Case("hard attention across", CROSS | {"cross_attn_hard": True}),
    Case("sparse top-k, straight through", STRAIGHT | GQA),
    Case("sparse top-k across, straight through", CROSS | across(STRAIGHT)),
    Case("learned sinks", {"attn_head_learned_sink": True} | GQA, inputs=PADDED),
    Case("learned sinks across", CROSS | {"cross_attn_head_learned_sink": True}, inputs=("context mask",)),
    Case("learned sinks, sparse top-k", {"attn_head_learned_sink": True, "attn_sparse_topk": 3}),
    Case("cog attention", {"attn_cog_signed": True} | ALIBI, inputs=PADDED),
    Case("cog attention across", CROSS | {"cross_attn_cog_signed": True}, inputs=("context mask",)),
    Case("cog attention, learned sinks, capped", CAPPED | {"attn_cog_signed": True, "attn_head_learned_sink": True}),
    Case("norm of queries and keys", {"attn_qk_rmsnorm": True, "attn_num_mem_kv": 2} | GQA | ROTARY),
    Case("norm of queries and keys across", CROSS | {"cross_attn_qk_rmsnorm": True} | GQA),
    Case("norm of keys", {"attn_k_rmsnorm": True} | GQA | ROTARY),
    Case("norm of keys across", CROSS | {"cross_attn_k_rmsnorm": True}),
    Case("norm of values", {"attn_value_rmsnorm": True} | VALUES | {"depth": 3}),
    Case("norm of values across", CROSS | {"cross_attn_value_rmsnorm": True}),
    # Narrow, as for GRU: at width 32 float32's own errors are 1.2e-5 (ours) and 0.7e-5 (theirs).
    Case("l2 distance", {"attn_l2_distance": True, "dim": 16} | GQA | ROTARY),
    Case("l2 distance across, memory", CROSS | {"cross_attn_l2_distance": True, "cross_attn_num_mem_kv": 2}),
    # With a softmax the size of the query cancels out; beside a sink it does not.
    Case("l2 distance, learned sinks", {"attn_l2_distance": True, "attn_head_learned_sink": True, "dim": 16}),
    Case("zero key", {"attn_add_zero_kv": True, "attn_num_mem_kv": 2} | ALIBI, inputs=PADDED),
    Case("zero key across", CROSS | {"cross_attn_add_zero_kv": True}, inputs=("context mask",)),
    Case("zero key, l2 distance", {"attn_add_zero_kv": True, "attn_l2_distance": True}),
    Case("laser", {"attn_laser": True, "attn_num_mem_kv": 2} | GQA),
    Case("laser, narrow", {"attn_laser": True, "attn_laser_softclamp_value": 0.7} | ROTARY, inputs=PADDED),
    Case("laser across", CROSS | {"cross_attn_laser": True, "cross_attn_laser_softclamp_value": 2.0}),
    Case("gate a head", {"attn_gate_value_heads": True} | GQA),
    Case("gate a head across", CROSS | {"cross_attn_gate_value_heads": True}),
    Case("gates of a rank", GATES | RANKS | GQA),
    Case("gates of a rank across, linear", CROSS | across(GATES | RANKS | {"attn_low_rank_silu_gates": False})),
    Case("gates of a rank, linear", GATES | RANKS | {"attn_low_rank_silu_gates": False}),
    Case("gates a head", GATES | HEADWISE | GQA),
    Case("gates a head across", CROSS | across(GATES | HEADWISE)),
    Case("gates, one a head, silu", GATES | SILU | {"attn_output_gate_headwise": True, "dim": 16} | GQA),  # likewise
    Case("output gate", {"attn_output_gate": True} | GQA),
    Case("output gate across, silu", CROSS | {"cross_attn_output_gate": True, "cross_attn_swiglu_values": True}),
    Case("latents", LATENTS | GQA | ROTARY, inputs=PADDED),
    Case("latent queries", {"attn_use_latent_q": True, "attn_dim_latent_q": 7}, XL, inputs=("mems",)),
    Case("latents, rotary key heads", LATENTS | SUBHEADS | ROTARY, inputs=PADDED),
    Case("latents, rotary key heads, mems", LATENTS | SUBHEADS | ROTARY, XL | MEMORY, inputs=("mems",)),
    Case("latents, rotary key heads, norms", LATENTS | SUBHEADS | ROTARY | {"attn_qk_rmsnorm": True}, families=DECODER),
    Case("latents, key heads past them", LATENTS | SUBHEADS),
    Case("latents across, key heads past them", CROSS | across(LATENTS | SUBHEADS), inputs=("context mask",)),
    Case("latents across", CROSS | across(LATENTS)),
    Case("width of values", {"attn_value_dim_head": 5} | GATES | GQA | ROTARY),
    Case("width of values across", CROSS | {"cross_attn_value_dim_head": 11} | GQA),
    Case("width of values of one head", {"heads": 1, "attn_value_dim_head": 32}, same_parameters=False),
    Case("scores scale weights", SCALED | GQA | T5, inputs=PADDED),
    Case("scores scale weights across", CROSS | across(SCALED | {"attn_pre_talking_heads": True})),
    Case("scores scale weights, talking heads", SCALED | {"attn_post_talking_heads": True}),
    Case("inverted across", CROSS | INVERTED, inputs=("context mask", *PADDED), families=ENCODER),
    Case(
        "inverted across, sinks, memory",
        CROSS | INVERTED | across(SINKS) | {"cross_attn_num_mem_kv": 2},
        families=ENCODER,
    ),
    Case("inverted across, capped", CROSS | INVERTED | across(CAPPED | COG), families=ENCODER),
    Case("drawn keys", GUMBEL | GQA | ROTARY),
    Case("drawn keys, soft", GUMBEL | SOFT | SINKS, inputs=PADDED),
    Case("drawn keys across", CROSS | across(GUMBEL | SOFT), inputs=("context mask",)),
    Case("selective attention", SELECTIVE | GQA, inputs=PADDED, families=DECODER),
    Case("selective attention, mems", SELECTIVE | ROTARY, XL | MEMORY, inputs=("mems",), families=DECODER),
    Case("selective attention, capped, sinks", SELECTIVE | CAPPED | SINKS | T5, MEMORY, families=DECODER),
    Case(
        "selective attention, cog, sparse",
        SELECTIVE | COG | {"attn_sparse_topk": 3, "attn_num_mem_kv": 2},
        families=DECODER,
    ),
    Case("window", {"attn_max_attend_past": 3} | ALIBI, inputs=PADDED),
    Case("window, t5, left padding", {"attn_max_attend_past": 2} | T5, inputs=("left padding",)),
    Case("window by layer", {"attn_max_attend_past": (2, 5)} | ROTARY, MEMORY),
    Case("window, mems", {"attn_max_attend_past": 4, "attn_num_mem_kv": 2}, XL, inputs=("mems",)),
    Case("window, attention mask", {"attn_max_attend_past": 4}, inputs=("attention mask",)),
]

CASES = [
    Case("default"),
    Case("sizes", {"dim": 48, "depth": 3, "heads": 3, "attn_dim_head": 10}, {"num_tokens": 31, "max_seq_len": 17}),
    Case("one head", {"heads": 1, "attn_dim_head": 32}, same_parameters=False),
    # Positions
    Case("no positions", wrapper={"use_abs_pos_emb": False}),
    Case("no position table", wrapper={"max_seq_len": 0}),
    Case("rotary", ROTARY),
    Case("rotary, full width", ROTARY | {"rotary_emb_dim": 8}),
    Case("rotary, rescaled base", ROTARY, ours={"rotary_base": 40000.0}, theirs={"rotary_base_rescale_factor": 2.0}),
    Case("rotary, rescale factor", ROTARY | GQA | {"rotary_base_rescale_factor": 2.0}),
    Case("rotary, interpolation", ROTARY | {"rotary_interpolation_factor": 2.5, "rotary_emb_dim": 8}),
    Case("xpos", XPOS, families=DECODER),
    Case("xpos, mems, padding", XPOS | GQA, XL, inputs=("mems", *PADDED), families=DECODER),
    Case("xpos, base, some heads", XPOS | {"rotary_xpos_scale_base": 8, "rotate_num_heads": 2}, families=DECODER),
    Case("polar positions", POLAR),
    Case("polar positions, normed queries and keys", POLAR | {"attn_qk_norm": True, "attn_flash": True}),
    Case("polar positions, memory tokens, alibi", POLAR | ALIBI, MEMORY),
    Case("polar positions, a zero key", POLAR | {"attn_add_zero_kv": True}),
    Case(
        "polar positions, factors of features, a zero key",
        POLAR | QK_NORM | {"attn_qk_norm_dim_scale": True, "attn_add_zero_kv": True},
    ),
    Case("polar positions, talking heads", POLAR | {"attn_pre_talking_heads": True}),
    Case("rotary, some heads", ROTARY | {"rotate_num_heads": 1}, XL, inputs=("mems",)),
    Case("rotary, some heads, memory tokens", ROTARY | {"rotate_num_heads": 3}, MEMORY),
    Case("sinusoidal positions", wrapper={"scaled_sinu_pos_emb": True}),
    Case(
        "sinusoidal positions, emb_dim, rotary",
        ROTARY,
        {"scaled_sinu_pos_emb": True, "emb_dim": 20},
        theirs={"disable_abs_pos_emb": False},
    ),
    Case("rotary and learned positions", ROTARY | {"disable_abs_pos_emb": False}),
    Case("alibi", ALIBI),
    Case("alibi, some heads", ALIBI | {"alibi_num_heads": 2}),
    Case("alibi, 6 heads", ALIBI | {"heads": 6}),
    Case("alibi, grouped heads", ALIBI | GQA, ours={"attn_kv_heads": None}, same_parameters=False),
    Case("alibi, one kv head", ALIBI | {"attn_one_kv_head": True}),
    Case("t5", T5),
    Case("t5, far keys", T5 | {"rel_pos_num_buckets": 6, "rel_pos_max_distance": 7}),
    Case("t5, grouped heads", T5 | GQA),
    Case("t5, kv heads by layer", T5 | {"attn_kv_heads": (2, 4)}, ours={"attn_kv_heads": None}, same_parameters=False),
    Case("alibi, slopes", ALIBI | {"alibi_num_heads": 3, "rel_pos_kwargs": {"slopes": [0.7, 0.3, 0.2]}}),
    Case("dynamic bias", DYNAMIC),
    Case("dynamic bias, logarithms", DYNAMIC | GQA | {"dynamic_pos_bias_log_distance": True}, inputs=PADDED),
    Case("dynamic bias, norms, mems", DYNAMIC | DYNAMIC_NORM, XL | MEMORY, inputs=("mems",)),
    Case("dynamic bias, left padding, one layer", DYNAMIC | {"dynamic_pos_bias_mlp_depth": 1}, inputs=LEFT),
    Case("forgetting", FORGETTING),
    Case("forgetting, grouped heads, padding", FORGETTING | GQA, inputs=PADDED),
    Case("forgetting, memory tokens, rotary", FORGETTING | ROTARY, MEMORY),
    Case("forgetting, memory keys, left padding", FORGETTING | {"attn_num_mem_kv": 2}, inputs=LEFT),
    Case("forgetting, factor", FORGETTING | {"attn_data_dependent_alibi_kwargs": {"post_log_scale": 0.3}}),
    Case("forgetting by row", BY_ROW, families=DECODER),
    Case("forgetting by row, width, padding", BY_ROW | BY_ROW_WIDTH | GQA, inputs=PADDED, families=DECODER),
    Case("forgetting by row, memory tokens", BY_ROW | {"attn_num_mem_kv": 2}, MEMORY, families=DECODER),
    Case("projected distances", PROJECTED),
    Case("projected distances, grouped heads", PROJECTED | GQA | PROJECTED_SIZES, inputs=PADDED),
    Case("projected distances, forgetting", PROJECTED | FORGETTING | PROJECTED_SIZES),
    Case("projected distances, memory tokens, t5", PROJECTED | T5, MEMORY),
    Case("contextual positions", COPE, families=DECODER),
    Case("contextual positions, grouped heads", COPE | GQA | {"attn_cope_max_pos": 4}, inputs=PADDED, families=DECODER),
    Case("contextual positions, mixed heads", COPE | GQA | COPE_MIX, families=DECODER),
    Case("contextual positions, left padding", COPE | ALIBI, inputs=LEFT, families=DECODER),
    Case("contextual positions, sparse, capped", COPE | CAPPED | {"attn_sparse_topk": 4} | ROTARY, families=DECODER),
    # Narrow, as for GRU: gradients of over 100 come with errors of 1e-3, theirs as ours.
    Case(
        "contextual positions, memory",
        COPE | {"attn_num_mem_kv": 2, "dim": 8},
        XL | MEMORY,
        inputs=MEMS,
        families=DECODER,
    ),
    # Norms
    Case("rmsnorm", {"use_rmsnorm": True}),
    Case("scalenorm", {"use_scalenorm": True}),
    Case("simple rmsnorm", {"use_simple_rmsnorm": True, "sandwich_norm": True}),
    Case("dynamic tanh", {"use_dynamic_tanh": True, "dynamic_tanh_init_alpha": 0.5}),
    Case("dynamic tanh, without offset", {"use_dynamic_tanh": True}, theirs={"norm_add_unit_offset": False}),
    Case("derf", {"use_derf": True, "sandwich_norm": True}),
    Case("post-norm", {"pre_norm": False}),
    Case("sandwich norm", {"sandwich_norm": True}),
    *(
        Case(f"gains less 1: {name}", {name: True, "dim": 16} | SCALES, ours={"norm_add_unit_offset": True})
        for name in ("sandwich_norm", "use_rmsnorm", "use_scalenorm", "use_dynamic_tanh", "use_derf")
    ),
    Case("gains less 1 here only", SCALES, ours={"norm_add_unit_offset": True}, theirs={"norm_add_unit_offset": False}),
    Case("norms before and after", {"pre_and_post_norm": True, "use_rmsnorm": True}),
    Case("no final norm", {"pre_norm_has_final_norm": False}),
    Case("soft clamp of the output", {"softclamp_output": True}),
    Case(
        "soft clamp of the output, value, post-norm",
        {"pre_norm": False} | {"softclamp_output": True, "softclamp_output_value": 2.0},
    ),
    Case("soft clamp of streams", HYPER | {"softclamp_output": True, "softclamp_output_value": 2.0}, ours=COMPAT),
    Case("gains without offset", theirs={"norm_add_unit_offset": False}),
    # Attention
    Case("grouped heads", {"attn_kv_heads": 2, "heads": 8}),
    Case("grouped heads, 3 of 6", {"attn_kv_heads": 3, "heads": 6}),
    Case("one kv head", {"attn_one_kv_head": True}),
    Case("kv heads by layer", {"attn_kv_heads": (1, 2)}),
    Case("attention kernel", {"attn_flash": True}),
    Case("eager kernel", CROSS | {"attn_flash": False}, ours={"cross_attn_kernel": "eager"}),
    Case("fused kernel", GQA, ours={"attn_kernel": "fused"}),
    Case("value residual", VALUES | {"depth": 3}),
    Case("value residual, one half", VALUES | {"learned_value_residual_mix": False} | GQA),
    Case("value residual, cross attention", VALUES | CROSS | {"depth": 3}),
    Case("value residual, tied layers", VALUES | {"weight_tie_layers": True, "depth": 3}),
    Case("value residual, order of execution", VALUES | {"layers_execute_order": (2, 3, 0, 1)}),
    Case("post-norm, final norm asked for", {"pre_norm": False, "pre_norm_has_final_norm": True}),
    Case("talking heads before", {"attn_pre_talking_heads": True} | ROTARY),
    Case("talking heads after", {"attn_post_talking_heads": True} | GQA),
    Case(
        "talking heads, both, cross attention",
        {"attn_pre_talking_heads": True, "attn_post_talking_heads": True} | CROSS,
    ),
    Case("sparse top-k", {"attn_sparse_topk": 3}),
    Case("head scale", {"attn_head_scale": True} | GQA),
    Case("memory keys and values", {"attn_num_mem_kv": 3} | GQA),
    Case("memory keys and values, rotary", {"attn_num_mem_kv": 2} | ROTARY, inputs=("right padding",)),
    Case("memory keys and values, alibi", {"attn_num_mem_kv": 2, "alibi_pos_bias": True}),
    Case("cosine similarity", QK_NORM | GQA),
    Case("cosine similarity, factor", QK_NORM | {"attn_qk_norm_scale": 4.0} | ROTARY),
    # A factor of 10 on the sum of two cosines is so steep that float32 itself is off by 1.5e-5 (theirs) and 9e-6.
    Case(
        "cosine similarity, groups",
        QK_NORM | {"attn_qk_norm_groups": 2, "attn_qk_norm_scale": 4.0} | ROTARY,
        inputs=PADDED,
    ),
    Case("cosine similarity, factors of features", QK_NORM | {"attn_qk_norm_dim_scale": True} | GQA | ROTARY),
    Case("cosine similarity, memory keys and values", QK_NORM | {"attn_num_mem_kv": 2} | GQA | ROTARY),
    Case(
        "cosine similarity, factors of memory keys",
        QK_NORM | {"attn_qk_norm_dim_scale": True, "attn_qk_norm_groups": 2, "attn_num_mem_kv": 2} | GQA,
    ),
    Case("cosine similarity, mems", QK_NORM | ALIBI, XL | MEMORY, inputs=("mems",)),
    Case(
        "cosine similarity, kv heads written out",
        QK_NORM | {"attn_qk_norm_dim_scale": True} | ALIBI | GQA,
        ours=NO_GQA,
        same_parameters=False,
    ),
    Case(
        "cosine similarity across",
        CROSS
        | {"cross_attn_qk_norm": True, "cross_attn_qk_norm_groups": 2, "cross_attn_qk_norm_scale": 3.0}
        | {"cross_attn_kv_heads": 2, "cross_attn_num_mem_kv": 2},
    ),
    Case(
        "cosine similarity across, factors of features",
        CROSS | {"cross_attn_qk_norm": True, "cross_attn_qk_norm_dim_scale": True},
        inputs=("context mask",),
    ),
    Case("gated values", {"attn_gate_values": True} | GQA),
    Case("attention on attention", {"attn_on_attn": True} | GQA),
    Case("residual attention", {"residual_attn": True, "depth": 3} | ROTARY),
    Case(
        "parts of cross attention alone",
        CROSS
        | {"cross_attn_head_scale": True, "cross_attn_num_mem_kv": 2, "cross_attn_gate_values": True}
        | {"cross_attn_pre_talking_heads": True, "cross_attn_post_talking_heads": True},
    ),
    Case(
        "sparse top-k and attention on attention across",
        CROSS | {"cross_attn_sparse_topk": 2, "cross_attn_on_attn": True},
    ),
    Case("residual attention, cross", {"residual_attn": True, "cross_residual_attn": True, "depth": 3} | CROSS),
    *VARIANTS,
    # Feed-forward
    Case("ff_mult", {"ff_mult": 2.5}),
    Case("ff_mult by layer", {"ff_mult": (2, 3)}),
    Case("swish", {"ff_swish": True}),
    Case("relu squared", {"ff_relu_squared": True}),
    Case("solu", {"ff_solu": True}),
    Case("solu, glu by layer", {"ff_solu": True, "ff_glu": (True, False), "ff_softclamp_value": 1.5}),
    *(
        Case(name, ours={"ff_activation": name}, theirs={"ff_custom_activation": module})
        for name, module in (("mish", "Mish"), ("softplus", "Softplus"), ("elu", "ELU"))
    ),
    Case("leaky relu", GLU, ours={"ff_activation": "leaky_relu"}, theirs={"ff_custom_activation": "LeakyReLU"}),
    Case("hybrid GRU", HYBRID),
    Case("hybrid GRU, learned mix, GQA", HYBRID | GQA | ROTARY | {"attn_hybrid_learned_mix": True}),
    Case("hybrid GRU, folded, right padding", HYBRID | {"attn_hybrid_fold_axial_dim": 3}, inputs=("right padding",)),
    Case(
        "hybrid GRU across",
        HYBRID
        | CROSS
        | {f"cross_{name}": value for name, value in HYBRID.items()}
        | {"attn_hybrid_learned_mix": True, "cross_attn_hybrid_learned_mix": True},
        families=("decoder",),
    ),
    Case("soft clamp", {"ff_softclamp_value": 1.5}),
    Case("soft clamps of a gated unit", GLU | {"ff_glu_softclamp": True, "ff_glu_up_softclamp_value": 0.7}),
    Case(
        "soft clamps of a gated unit, swish",
        GLU | {"ff_glu_softclamp": True, "ff_glu_gate_softclamp_value": 0.5, "ff_swish": True},
    ),
    Case("glu", GLU),
    Case("glu, factor", GLU | {"ff_glu_mult_bias": True, "ff_swish": True}),
    Case("glu by layer", {"ff_glu": (True, False)}),
    Case("norm of the inner width", {"ff_post_act_ln": True}),
    Case("norm of the inner width, glu by layer", GLU | {"ff_post_act_ln": (False, True), "ff_glu_mult_bias": True}),
    Case("no bias", {"ff_no_bias": True}),
    Case("glu, no bias", GLU | {"ff_no_bias": True}, ours={"ff_no_bias": False}, same_parameters=False),
    # Layers
    Case("only attention", {"only_attn": True}),
    Case("macaron", {"macaron": True}),
    Case("custom layers", {"custom_layers": ("a", "f", "f", "a")}),
    Case(
        "custom layers, cross attention",
        CROSS | {"custom_layers": ("a", "c", "c", "f"), "cross_attn_kv_heads": (2, 4)},
    ),
    Case("sandwich order", {"sandwich_coef": 2, "depth": 3}),
    Case("PAR order", {"par_ratio": 3, "depth": 4}),
    Case("tied layers", {"weight_tie_layers": True, "depth": 3}),
    Case("order of execution", {"layers_execute_order": (0, 1, 0, 1, 2, 3)}),
    Case(
        "dropouts",
        CROSS
        | {"attn_dropout": 0.3, "attn_sublayer_dropout": 0.3, "cross_attn_dropout": 0.2}
        | {"cross_attn_sublayer_dropout": 0.1, "ff_dropout": 0.3, "ff_sublayer_dropout": 0.3, "layer_dropout": 0.3},
        {"emb_dropout": 0.3},
    ),
    Case("zero init", CROSS | {"zero_init_branch_output": True, "cross_attn_zero_init_output": True}),
    # Token shift
    Case("shifted tokens", SHIFT),
    Case("shifted tokens, far", ROTARY | {"shift_tokens": 3}),
    # Shifting towards the front, as encoders do too, theirs fails for so far a shift, and lets padding in from behind.
    Case("shifted tokens, further than there are", {"shift_tokens": 17, "dim": 40}, families=DECODER),
    Case("shifted tokens by layer", {"shift_tokens": (2, 0, 1, 3)}),
    Case("shifted tokens, right padding", SHIFT, inputs=PADDED, families=DECODER),
    Case("shifted tokens, attention mask, padding", ROTARY | SHIFT, inputs=("attention mask",)),
    Case("shifted tokens, memory tokens, padding", ROTARY | SHIFT, MEMORY, inputs=PADDED, families=DECODER),
    Case("shifted tokens, memory tokens", ROTARY | SHIFT, MEMORY),
    Case("shifted tokens, mems", ROTARY | {"shift_tokens": (1, 2, 0, 1)}, XL, inputs=("mems", *PADDED)),
    Case("shifted tokens, tied layers", SHIFT | {"weight_tie_layers": True, "depth": 3}),
    Case("shifted tokens, order of execution", {"shift_tokens": (1, 0, 2, 1), "layers_execute_order": (0, 1, 2, 0, 3)}),
    Case("shifted tokens, cross attention", CROSS | {"shift_tokens": 2, "macaron": True}, inputs=("context mask",)),
    Case("shifted tokens, hyper-connections", HYPER | SHIFT, ours=COMPAT),
    # Cross attention
    Case("cross attention", CROSS),
    Case("cross attention, masks", CROSS, inputs=("context mask", *PADDED)),
    Case(
        "cross attention, own sizes",
        CROSS | {"cross_attn_dim_context": 20, "cross_attn_dim_head": 6, "cross_attn_kv_heads": 2},
    ),
    Case("cross attention only", CROSS | {"only_cross": True}),
    Case("cross attention, one kv head", CROSS | {"cross_attn_one_kv_head": True}),
    Case("cross attention, alibi", CROSS | ALIBI),
    Case("cross attention, rotary, grouped heads", CROSS | ROTARY | GQA),
    Case("rotary across", CROSS | ROTARY, ours=TURNED, inputs=("context positions",)),
    Case(
        "rotary across, full width, positions given",
        CROSS | ROTARY | {"rotary_emb_dim": 8, "cross_attn_kv_heads": 2},
        ours=TURNED,
        inputs=("far context", "context mask"),
    ),
    Case("rotary across, padding", CROSS | ROTARY, ours=TURNED, inputs=("context positions", "context mask", *PADDED)),
    # Residual connections and streams
    Case("gru", GRU),
    Case("gru, scaled, cross attention", GRU | {"scale_residual": True} | CROSS),
    Case("gru, post-norm", GRU | {"pre_norm": False, "weight_tie_layers": True}),
    Case("scaled residual", {"scale_residual": True}),
    Case("scaled residual, constant, post-norm", DEEP | {"scale_residual": True}),
    Case("constant, macaron", DEEP | {"macaron": True}),
    Case("layer scale", {"use_layerscale": True, "layerscale_init_value": 0.1, "sandwich_norm": True}),
    Case("branches scaled at first", {"depth_scale_residual": True}),
    Case("scaled branches", CROSS, ours={"branch_scale": 0.7}, theirs={"depth_scale_residual": 0.7}),
    Case(
        "scaled branches, layer scale, macaron, shifted tokens",
        SHIFT | {"use_layerscale": True, "macaron": True},
        ours={"branch_scale": 0.7},
        theirs={"depth_scale_residual": 0.7},
    ),
    Case("layer scale, shifted tokens, macaron", SHIFT | CROSS | {"use_layerscale": True, "macaron": True}),
    Case("layer scale without offset", {"use_layerscale": True}, theirs={"norm_add_unit_offset": False}),
    Case("hyper-connections", HYPER, ours=COMPAT),
    Case("hyper-connections, post-norm", HYPER | {"pre_norm": False}, ours=COMPAT),
    Case("hyper-connections, macaron", HYPER | {"macaron": True, "sandwich_norm": True}, ours=COMPAT),
    Case("hyper-connections, memory", HYPER | ROTARY, MEMORY, ours=COMPAT, inputs=PADDED),
    Case("hyper-connections, cross attention", HYPER | CROSS | VALUES, ours=COMPAT),
    Case("hyper-connections, views", HYPER | VIEWS | ROTARY, ours=COMPAT, inputs=PADDED),
    Case("gated multi residual", GATED, ours=COMPAT),
    Case("gated multi residual, views, memory", GATED | VIEWS | ROTARY, MEMORY, ours=COMPAT, inputs=PADDED),
    Case("mean-variance split", MEANS, families=ENCODER, inputs=PADDED),
    Case("mean-variance split, learned, memory", LEARNED_MEANS, MEMORY, families=ENCODER, inputs=PADDED),
    # Looking back at earlier layers
    Case("lime", LIME | {"depth": 3}),
    Case("lime, relu, padding", LIME | ROTARY | {"layer_integrate_use_softmax": False, "dim": 8}, inputs=PADDED),
    Case("lime, macaron, value residual", LIME | VALUES | {"macaron": True, "sandwich_norm": True}),
    Case("lime, mems", LIME | ROTARY, XL, inputs=("mems",)),
    Case("lime, cross attention, post-norm", LIME | CROSS | {"pre_norm": False}),
    Case("lime, hyper-connections, shifted tokens", LIME | HYPER | SHIFT, ours=COMPAT),
    Case("attention over depth", DEPTHS),
    Case("attention over depth, views", DEPTHS | VIEWS | GQA | ROTARY, inputs=PADDED),
    Case("attention over depth, views, mems", DEPTHS | VIEWS | ROTARY, XL, inputs=("mems",)),
    Case("attention over depth, tied layers", DEPTHS | {"weight_tie_layers": True, "depth": 3}),
    Case("attention over depth, order of execution", DEPTHS | {"layers_execute_order": (2, 3, 0, 1, 2)}),
    Case("attention over depth, value residual", DEPTHS | VIEWS | VALUES | {"depth": 3}),
    Case(
        "attention over depth, activation",
        DEPTHS,
        ours={"attn_aggregated_residual_activation": "silu"},
        theirs={"attn_aggregated_residual_kwargs": {"lora_rank": 6, "lora_activation": "SiLU"}},
    ),
    Case("u-net", UNET),
    Case("u-net, middle block, memory tokens", UNET | {"depth": 3, "use_rmsnorm": True}, MEMORY),
    Case("u-net, mems, hyper-connections", UNET | HYPER | {"depth": 4}, ours=COMPAT),
    Case("u-net, mems", UNET | ROTARY, XL, inputs=("mems",)),
    Case("reinjection", REINJECT),
    Case("reinjection, gate, memory", REINJECT | {"learned_reinject_input_gate": True} | CROSS, MEMORY),
    Case("reinjection, lime, u-net, mems", REINJECT | LIME | UNET, XL, inputs=("mems",)),
    # Memory
    Case("memory tokens", wrapper=MEMORY),
    Case("memory tokens, rotary, padding", ROTARY, MEMORY, inputs=PADDED),
    Case("memory tokens, t5", T5, MEMORY),
    Case("memory tokens, alibi", ALIBI, MEMORY),
    Case("interspersed memory", {}, SEGMENTS, families=DECODER),
    Case("interspersed memory, rotary, window", ROTARY | {"attn_max_attend_past": 5}, SEGMENTS, families=DECODER),
    Case("interspersed memory, t5", T5, MEMORY | {"memory_tokens_interspersed_every": 1}, families=DECODER),
    Case("interspersed memory, shifted tokens", SHIFT | ALIBI, SEGMENTS, families=DECODER),
    Case("interspersed memory, forgetting", FORGETTING | ROTARY, SEGMENTS, families=DECODER),
    Case("interspersed memory, cross attention", CROSS | ROTARY, SEGMENTS, inputs=("context mask",), families=DECODER),
    Case("interspersed memory, mems", ROTARY, XL | WHOLE_SEGMENTS, inputs=("mems",), families=DECODER),
    Case("interspersed memory, summed", HYPER | T5, SEGMENTS, ours=COMPAT, inputs=("summed",), families=DECODER),
    Case("mems", wrapper=XL, inputs=("mems",)),
    Case("mems, rotary", ROTARY, XL, inputs=("mems",)),
    Case("mems, alibi", ALIBI | {"use_rmsnorm": True}, XL, inputs=("mems",)),
    Case("mems, t5", T5 | GQA, XL, inputs=("mems",)),
    Case("mems, post-norm", {"pre_norm": False}, XL, inputs=("mems",)),
    Case("mems, long", wrapper={"max_mem_len": 30}, inputs=("mems",)),
    Case("mems, shifted", ROTARY | {"depth": 3}, XL | {"shift_mem_down": 1}, inputs=("mems",)),
    Case("mems, padding", ROTARY, XL, inputs=("mems", *PADDED)),
    Case("mems, memory tokens", T5, XL | MEMORY, inputs=("mems",)),
    Case("mems, memory tokens, padding", ROTARY, XL | MEMORY, inputs=("mems", *PADDED)),
    Case("mems, tied layers", {"weight_tie_layers": True, "depth": 3}, XL, inputs=("mems",)),
    Case("mems, cross attention", CROSS, XL, inputs=("mems",)),
    # Conditions
    Case("adaptive layernorm", ADA_LAYER | {"dim_condition": 12}, inputs=("condition", *PADDED)),
    Case("adaptive layernorm after", ADA_LAYER | {"pre_norm": False}, inputs=("token conditions",)),
    Case("adaptive layernorm, mems", ADA_LAYER | ROTARY, XL, inputs=("condition", "mems")),
    # Narrow, as for GRU: gains of wide conditions are large, and so are the errors of float32, theirs as ours.
    Case("adaptive rmsnorm", ADA_RMS | ADA_MLP | FEW | {"sandwich_norm": True}, MEMORY, inputs=("condition",)),
    Case(
        "adaptive rmsnorm, narrow mlp",
        ADA_RMS | ADA_MLP | {"adaptive_condition_mlp_expansion": 2, "dim_condition": 7},
        inputs=("token conditions", "left padding"),
    ),
    Case("adaptive layerscale", ADA_SCALE | CROSS | {"use_rmsnorm": True}, inputs=("condition",)),
    Case("adaptive both, macaron", ADA_SCALE | ADA_LAYER | FEW | {"macaron": True}, inputs=("token conditions",)),
    # Embeddings
    Case("emb_dim", wrapper={"emb_dim": 20}),
    Case("embeddings of unit length", wrapper={"l2norm_embed": True}),
    Case("embeddings of unit length, rotary, tied head", ROTARY, {"l2norm_embed": True, "tie_embedding": True}),
    Case("part of the gradient", wrapper={"emb_frac_gradient": 0.3, "post_emb_norm": True}),
    Case("norm of the embeddings", wrapper={"post_emb_norm": True, "emb_dim": 20}),
    Case("tied head", wrapper={"tie_embedding": True}),
    Case("tied head, scale", wrapper={"tie_embedding": True, "tie_embedding_scale": 0.5}),
    Case(
        "token types",
        ours={"type_vocab_size": 3},
        their_wrapper=TYPES,
        inputs=("token types", *PADDED),
        families=ENCODER,
    ),
    # Output heads; what gives more than logits is in test_parity_heads.py
    Case("sigsoftmax", wrapper={"sigsoftmax_logits": True}),
    Case("sigsoftmax, tied head", wrapper={"sigsoftmax_logits": True, "tie_embedding": True}),
    Case("mixture of softmaxes", wrapper=MIXTURE),
    Case("mixture of sigsoftmaxes, tied head, padding", wrapper=MIXTURE | TIED_SIGMOID, inputs=PADDED),
    Case("deep embeddings", GLU, {"ff_deep_embed": True}, inputs=PADDED),
    Case("extra ids", wrapper=TYPES | {"post_emb_norm": True}, inputs=("extra ids", "summed", *PADDED)),
    Case("vectors in front", wrapper={"emb_dim": 20, "post_emb_norm": True}, inputs=("prepended",)),
    Case("vectors in front, rotary", ROTARY, inputs=("prepended", "prepended mask", *PADDED)),
    Case("vectors in front, memory tokens", ROTARY, MEMORY, inputs=("prepended", *PADDED)),
    Case("vectors in front, t5", T5 | GQA, inputs=("prepended", "prepended mask")),
    Case("vectors in front, alibi, mems", ALIBI, XL, inputs=("prepended", "mems")),
    Case("vectors added", wrapper={"emb_dim": 20, "post_emb_norm": True}, inputs=("summed", *PADDED)),
    Case("vectors added and in front", ROTARY, {"emb_frac_gradient": 0.3}, inputs=("summed", "prepended")),
    # Masks
    Case("padding", inputs=PADDED),
    Case("padding, rotary", ROTARY, inputs=PADDED),
    Case("left padding", inputs=("left padding",)),
    Case("left padding, rotary", ROTARY, inputs=("left padding",)),
    Case("left padding, alibi", ALIBI, inputs=("left padding",)),
    Case("left padding, t5", T5, inputs=("left padding",)),
    Case("attention mask", inputs=("attention mask",)),
    Case("attention mask, mask that exports", {"attn_onnxable": True}, inputs=("attention mask",)),
    Case("attention mask, memory keys", {"attn_num_mem_kv": 2} | T5, MEMORY, inputs=("attention mask", *PADDED)),
    Case("attention mask, t5", T5, inputs=("attention mask",)),
    Case("attention mask, padding", ROTARY, inputs=("attention mask", *PADDED)),
    Case("attention mask, memory tokens", ROTARY, MEMORY, inputs=("attention mask",)),
    # Together
    Case("llama", ROTARY | GQA | GLU | {"use_rmsnorm": True, "ff_swish": True, "ff_no_bias": False}),
    Case("everything", ROTARY | GLU | VALUES | CROSS | {"macaron": True, "sandwich_norm": True}, MEMORY, inputs=PADDED),
]

DROPPED = "dropped there; against NumPy in tests/nn/test_old_port.py"
ROUNDS = "a call or a wrapper says it there: tests/parity/test_parity_rounds.py"
HEADS = "not the logits alone, or of another shape: tests/parity/test_parity_heads.py"
POOLED = "a pooled vector, not logits: tests/parity/test_parity_pooling.py"
NOT_IN_UPSTREAM = {
    "attn_pool_depth": POOLED,
    "dim_pooled_tokens": POOLED,
    "num_pooled_tokens": POOLED,
    "verbose": "lines in the log: tests/config/test_advice.py",
    **dict.fromkeys(("recycling", "train_max_recycle_steps", "looped", "max_looped_steps"), ROUNDS),
    **dict.fromkeys(("looped_loss_threshold_exit", "looped_loss_slope", "looped_exit_loss_weight"), ROUNDS),
    "looped_exit_prob_threshold": "one row at a time there: tests/models/decoder/test_rounds.py",
    "add_continuous_pred_head": HEADS,
    "logits_dim": HEADS,
    "next_embed_loss_weight": HEADS,
    "num_output_heads": HEADS,
    "squeeze_out_last_dim": HEADS,
    "attn_inverted_attention": "ignored there in self attention; against NumPy in tests/nn/test_inverted.py",
    "attn_orthog_projected_values": "one vector for a whole sequence there; against NumPy in tests/nn/test_belief.py",
    "attn_orthog_projected_values_per_head": "as attn_orthog_projected_values, and in tests/nn/test_belief.py",
    "adaptive_layerscale_init_bias": "a constant there; in tests/nn/test_initial_values.py",
    "attn_cope_soft_onehot_pos": "it fails there; against NumPy in tests/nn/test_position_bias.py",
    "polar_bias_uniform_init": "it fails there; in tests/nn/test_initial_values.py",
    "dynamic_pos_bias_dim": "always dim / 4 there; in tests/nn/test_position_bias.py",
    "data_dependent_alibi_bias_init": "initial values; in tests/nn/test_initial_values.py",
    "alibi_learned": DROPPED,
    "resi_dual_scale": "dropped there; against NumPy in tests/nn/test_residuals.py",
    "attn_collab_compression": DROPPED,
    "attn_collab_heads": DROPPED,
    "attn_qk_norm_learned_temperature": DROPPED,
    "attn_qk_norm_seq_len": "dropped there; against the paper in tests/nn/test_initial_values.py",
    "attn_qk_norm_temperature_init": "as attn_qk_norm_seq_len",
    "cross_attn_collab_compression": "as attn_collab_compression",
    "cross_attn_collab_heads": "as attn_collab_heads",
    "cross_attn_qk_norm_learned_temperature": "as attn_qk_norm_learned_temperature",
    "cross_attn_qk_norm_seq_len": "as attn_qk_norm_seq_len",
    "cross_attn_qk_norm_temperature_init": "as attn_qk_norm_seq_len",
    "token_emb": "a module there: tests/parity/test_parity_registered.py",
    "transform_token_embeds": "a function of a call there: tests/parity/test_parity_registered.py",
    "ff_layer": "our own way to a user's layer: tests/contracts/registered.py",
    "position_infused_attn": DROPPED,
    "rotary_values": DROPPED,
    "attn_out_bias": "attention linears have no bias there",
    "attn_qkv_bias": "attention linears have no bias there",
    "classifier_dropout": "there are no classification heads there; in tests/models/encoder/test_heads.py",
    "pooler": "a choice of the wrapper's, not of its output here: tests/parity/test_parity_pooling.py",
    "pooler_dense": "there is none there; in tests/nn/test_pooling.py",
    "pooler_normalize": "there is none there; in tests/nn/test_pooling.py",
    "attn_scale": "always attn_dim_head**-0.5 there",
    "cross_attn_out_bias": "as attn_out_bias",
    "cross_attn_qkv_bias": "as attn_qkv_bias",
    "cross_attn_scale": "as attn_scale",
    "ff_dim": "the inner width is always a multiple of dim there",
    "hyper_conn_sinkhorn_iters": "the streams are summed there; against NumPy in tests/nn/test_residuals.py",
    "initializer_range": "initial values; all are drawn anew here",
    "lm_head_transform": "the head is one linear there; in tests/models/encoder/test_heads.py",
    "logits_bias": "the head has no bias there",
    "norm_bias": "norms have no bias there",
    "norm_eps": "fixed there",
    "prefix_lm": "a class of its own there, PrefixDecoder: tests/parity/test_parity_prefix.py",
    "position_embedding_scale": "always emb_dim**-0.5 there",
    "rel_pos_scale": "always attn_dim_head**0.5 there",
    "rotary_layout": "always interleaved there",
}
