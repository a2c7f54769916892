"""What is measured: one row a run. A feature has at least one row here, or its reason in NOT_MEASURED."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Variant:
    """One training run.

    Attributes:
        name: Its name on the command line and in the results: the feature's id, or that with a suffix.
        fields: The fields it sets beside the sizes that all runs share.
        note: What the run is, in a few words.
        task: What it is trained on, by its name in tasks/.
        against: The run it is compared with, whose score has the same unit; empty for a baseline.
        without: The feature is part of the baseline, and this run leaves it out.
    """

    name: str
    fields: dict[str, Any] = dataclasses.field(default_factory=dict)
    note: str = ""
    task: str = "text"
    against: str = "baseline"
    without: bool = False

    @property
    def feature(self) -> str:
        """Id of the feature."""
        return self.name.partition("/")[0]


NO_ROTARY = {"rotary_pos_emb": False}
NO_POSITIONS = {**NO_ROTARY, "position_embedding": "none"}
SINUSOIDS = {**NO_ROTARY, "position_embedding": "sinusoidal"}
FORGETS, BY_ROW = {"attn_data_dependent_alibi": True}, {"attn_data_dependent_alibi_per_row": True}
CURVES = {"attn_use_rel_proj_pos_bias": True, "attn_rel_proj_max_dist": 256}
ALIBI = {**NO_POSITIONS, "position_bias": "alibi"}
DYNAMIC = {"position_bias": "dynamic", "dynamic_pos_bias_log_distance": True}
XL = {"max_mem_len": 64}

QK_NORM = {"attn_qk_norm": True, "attn_qk_norm_learned_temperature": True, "attn_qk_norm_seq_len": 256}
SEQ2SEQ = {"enc_depth": 2, "dec_depth": 2}
VIT = {"image_size": 8, "patch_size": 2, "channels": 1}
CLS = {"pooling": "cls", "vit_head": "mlp", "patch_norm": False}
ROWS = {"dim_in": 8, "dim_out": 8, "causal": True}
TOLD = {**ROWS, "dim_condition": 10}
TOLD_NORM = {**TOLD, "norm": "adaptive_layernorm"}
TOLD_RMS = {**TOLD, "norm": "adaptive_rmsnorm"}
TOLD_SCALE = {**TOLD, "use_adaptive_layerscale": True}
TOLD_MLP = {**TOLD_NORM, "adaptive_condition_mlp": True}
NO_ATTENTION = {"custom_layers": ["f", "f", "f", "f"]}
DEPTH_ATTENTION = {"attn_aggregated_residuals": True, "attn_aggregated_residual_rank": 16}
HYPER = {"residual": "hyper", "num_residual_streams": 4}
GATED = {"residual": "gated_multi", "num_residual_streams": 4, "read_gate_rank": 8}
COSINES = {"attn_qk_norm": True}
GRU = {"attn_hybrid_module": "gru"}
LATENTS = {"attn_dim_latent_q": 64, "attn_dim_latent_kv": 64}
CAPPED = {"attn_softclamp_logits": True, "attn_logit_softclamp_value": 5.0}
WIDE_VALUES = {"attn_dim_head": 16, "attn_value_dim_head": 48}
BELIEFS = {"attn_orthog_projected_values_per_head": True}
GLU = {"ff_glu": True, "ff_mult": 8 / 3}
TAPERED = {"depth": 4, "ff_mult": [6, 5, 3, 2]}
PAIRS = {"custom_layers": ["a", "a", "f", "f", "a", "a", "f", "f"]}
PAR = {"depth": 4, "par_ratio": 4, "ff_mult": 10 / 3}
AGAIN = {"depth": 4, "layers_execute_order": [0, 1, 2, 3, 2, 3, 4, 5, 6, 7]}

# The runs that others are compared with and that are no feature themselves; each has several seeds.
BASELINES: tuple[Variant, ...] = (
    Variant("baseline", note="rotary positions, LayerNorm first, GELU, plain residuals", against=""),
    Variant("segments", {}, "short segments, each read alone", "segments", against=""),
    Variant("targets", note="a decoder that reads only the second half of each window", task="targets", against=""),
    Variant("digits", {**VIT, **NO_ATTENTION}, "patches that never see each other", "digits", against=""),
    Variant("rows", {**ROWS, **NO_ATTENTION}, "the next row of pixels from the last one alone", "rows", against=""),
)

VARIANTS: tuple[Variant, ...] = (
    # Attention
    Variant("attn-multi-head", {"heads": 1, "attn_dim_head": 128}, "one head as wide as the four", without=True),
    Variant("attn-dropout", {"attn_dropout": 0.1}),
    Variant("attn-talking-heads", {"attn_pre_talking_heads": True, "attn_post_talking_heads": True}),
    Variant("attn-head-scale", {"attn_head_scale": True}),
    Variant("attn-sparse-topk", {"attn_sparse_topk": 16}),
    Variant("attn-entmax15", {"attn_normalizer": "entmax15"}),
    Variant("attn-mem-kv", {"attn_num_mem_kv": 16}),
    Variant("attn-on-attn", {"attn_on_attn": True}),
    Variant("attn-gate-values", {"attn_gate_values": True}),
    Variant("attn-qk-norm-learned-temperature", QK_NORM),
    Variant("attn-collab-heads", {"attn_collab_heads": True, "attn_collab_compression": 0.5}),
    Variant("attn-output-projection", {"attn_out_bias": True}, "and a bias"),
    Variant("attn-window", {"max_attend_past": 64}, "a quarter of the window of text"),
    Variant("attn-sublayer-dropout", {"attn_sublayer_dropout": 0.1}),
    Variant("attn-flash", {"attn_kernel": "eager"}, "step by step, with the same numbers", without=True),
    # Attention: scores and weights
    Variant("attn-softclamp-logits", CAPPED),
    Variant("attn-l2-distance", {"attn_l2_distance": True}),
    Variant("attn-pre-scale-post-talking-heads", {"attn_pre_scale_post_talking_heads": True}),
    Variant("attn-selective", {"attn_selective": True}),
    Variant("attn-sigmoid", {"attn_normalizer": "sigmoid"}),
    Variant("attn-hard", {"attn_normalizer": "hard"}),
    Variant("attn-gumbel-softmax", {"attn_normalizer": "gumbel"}),
    Variant("attn-gumbel-softmax/soft", {"attn_normalizer": "gumbel", "attn_gumbel_softmax_hard": False}),
    Variant("attn-cog-signed", {"attn_cog_signed": True}),
    Variant("attn-inverted", {"attn_inverted_attention": True}),
    Variant("attn-learned-sink", {"attn_head_learned_sink": True}),
    # Attention: queries and keys
    Variant("attn-kv-heads", {"attn_kv_heads": 2}),
    Variant("attn-kv-heads/multi-query", {"attn_kv_heads": 1}),
    Variant("attn-value-dim-head", WIDE_VALUES, "for as many weights"),
    Variant("attn-mla", LATENTS),
    Variant("attn-mla-decoupled-rope", {**LATENTS, "attn_latent_rope_subheads": 1}, against="attn-mla"),
    Variant("attn-qk-norm", COSINES),
    Variant("attn-qk-norm-dim-scale", {**COSINES, "attn_qk_norm_dim_scale": True}, against="attn-qk-norm"),
    Variant("attn-qk-rmsnorm", {"attn_qk_rmsnorm": True}),
    Variant("attn-k-rmsnorm", {"attn_k_rmsnorm": True}),
    Variant("attn-add-zero-kv", {"attn_add_zero_kv": True}),
    # Attention: values
    Variant("attn-gate-value-heads", {"attn_gate_value_heads": True}),
    Variant("attn-output-gate", {"attn_output_gate": True}),
    Variant(
        "attn-output-gate/both", {"attn_gate_values": True, "attn_output_gate": True}, "", against="attn-gate-values"
    ),
    Variant("attn-value-rmsnorm", {"attn_value_rmsnorm": True}),
    Variant("attn-laser", {"attn_laser": True}),
    Variant("attn-belief", {"attn_orthog_projected_values": True}),
    Variant("attn-belief/per-head", BELIEFS),
    Variant("attn-hybrid-module", GRU, "a GRU more in each block"),
    Variant(
        "attn-hybrid-module/narrow",
        {**GRU, "ff_mult": 1},
        "and narrower feed-forward layers, for about as many weights",
    ),
    # Positions
    Variant("pos-rotary", NO_POSITIONS, "no positions at all", without=True),
    Variant("pos-rotary-half-split", {"rotary_layout": "half"}, "in place of interleaved pairs"),
    Variant("pos-rotary-values", {"rotary_values": True}),
    Variant("pos-rotary-partial-heads", {"rotate_num_heads": 2}, "two heads of four"),
    Variant("pos-rotary-xpos", {"rotary_xpos": True}),
    Variant("pos-rotary-interpolation", {"rotary_interpolation_factor": 2.0}, "texts no longer than without it"),
    Variant("pos-rotary-ntk", {"rotary_base_rescale_factor": 2.0}, "texts no longer than without it"),
    Variant("pos-absolute", NO_ROTARY, "in place of rotary positions"),
    Variant("pos-scaled-sinusoidal", SINUSOIDS, "in place of learned positions", against="pos-absolute"),
    Variant("pos-t5-bias", {**NO_ROTARY, "position_bias": "t5"}, "in place of rotary positions"),
    Variant("pos-alibi", ALIBI, "in place of rotary positions"),
    Variant("pos-alibi-learned", {**ALIBI, "alibi_learned": True}, against="pos-alibi"),
    Variant("pos-infused-attention", {**NO_ROTARY, "position_infused_attn": True}, "in place of rotary positions"),
    Variant("pos-polar", {**NO_ROTARY, "polar_pos_emb": True}, "in place of rotary positions"),
    Variant("pos-dynamic-bias", {**NO_POSITIONS, **DYNAMIC}, "in place of rotary positions"),
    Variant("pos-rel-module-kwargs", {**ALIBI, "alibi_slopes": [0.7, 0.3, 0.1, 0.03]}, against="pos-alibi"),
    Variant("pos-forgetting", {**NO_POSITIONS, **FORGETS}, "in place of rotary positions"),
    Variant("pos-forgetting-per-row", {**NO_POSITIONS, **FORGETS, **BY_ROW}, against="pos-forgetting"),
    Variant("pos-cope", {**NO_POSITIONS, "attn_use_cope": True}, "in place of rotary positions"),
    Variant("pos-rel-proj-bias", {**NO_POSITIONS, **CURVES}, "in place of rotary positions"),
    # Norms and residuals
    Variant("norm-layernorm", {"norm": "identity"}, "no norm at all", without=True),
    Variant("norm-layernorm-bias", {"norm_bias": True}),
    Variant("norm-rmsnorm", {"norm": "rmsnorm"}),
    Variant("norm-simple-rmsnorm", {"norm": "simple_rmsnorm"}),
    Variant("norm-scalenorm", {"norm": "scalenorm"}),
    Variant("norm-dynamic-tanh", {"norm": "dynamic_tanh"}),
    Variant("norm-derf", {"norm": "derf"}),
    Variant("norm-pre-post", {"norm_placement": "post"}, "post-norm in place of pre-norm"),
    Variant("norm-final", {"final_norm": False}, "the stream goes to the head as it is", without=True),
    Variant("norm-sandwich", {"norm_placement": "sandwich"}),
    Variant("norm-pre-and-post", {"norm_placement": "pre_and_post"}),
    Variant(
        "norm-resi-dual", {"norm_placement": "resi_dual"}, "post-norm, and a second stream", against="norm-pre-post"
    ),
    Variant("norm-softclamp-output", {"softclamp_output": True}),
    Variant("norm-rezero", {"residual": "rezero", "norm": "identity"}, "in place of the norms"),
    Variant("residual-scale", {"scale_residual": True}),
    Variant(
        "residual-scale/constant", {"scale_residual_constant": 1.2, "norm_placement": "post"}, against="norm-pre-post"
    ),
    Variant("residual-gru", {"residual": "gru"}),
    Variant("residual-attention-scores", {"residual_attn": True}),
    Variant("residual-layerscale", {"use_layerscale": True, "layerscale_init_value": 0.1}),
    Variant("residual-zero-init", {"attn_zero_init_output": True, "ff_zero_init_output": True}),
    Variant("residual-depth-scale", {"depth_scale_residual": True}, "smaller at the start"),
    Variant("residual-depth-scale/constant", {"branch_scale": 0.5}, "smaller for good"),
    Variant("residual-layer-dropout", {"layer_dropout": 0.1}),
    Variant("residual-orthogonal", {"residual": "orthogonal"}),
    Variant("residual-mv-split", {"residual": "mv_split"}),
    # Streams and earlier layers
    Variant("residual-value", {"add_value_residual": True}),
    Variant("residual-lime", {"integrate_layers": True}),
    Variant("residual-attn-aggregated", DEPTH_ATTENTION),
    Variant("residual-hyper-connections", HYPER),
    Variant("residual-gated-multi", GATED),
    Variant("residual-qkv-views", {**HYPER, "qkv_receive_diff_residuals": True}, against="residual-hyper-connections"),
    Variant("residual-unet-skips", {"unet_skips": True}, "a linear more in two blocks"),
    Variant("residual-reinject", {"reinject_input": True, "learned_reinject_input_gate": True}, "a linear more"),
    # Feed-forward
    Variant("ff-mlp", {"only_attn": True}, "attention only: two thirds of the weights of a block gone", without=True),
    Variant("ff-glu", GLU, "narrower, for as many weights"),
    Variant("ff-glu-softclamp", {**GLU, "ff_glu_softclamp": True}, against="ff-glu"),
    Variant("ff-relu-squared", {"ff_activation": "relu_squared"}),
    Variant("ff-swish", {"ff_activation": "silu"}),
    Variant("ff-solu", {"ff_activation": "solu"}),
    Variant("ff-custom-activation", {"ff_activation": "mish"}),
    Variant("ff-softclamp", {"ff_softclamp_value": 5.0}),
    Variant("ff-post-act-ln", {"ff_post_act_ln": True}),
    Variant("ff-dropout", {"ff_dropout": 0.1}),
    Variant("ff-sublayer-dropout", {"ff_sublayer_dropout": 0.1}),
    Variant("ff-no-bias", {"ff_no_bias": True}),
    Variant("ff-deep-embed", {"ff_deep_embed": True}, "a factor more for each byte, layer and feature"),
    # Layers
    Variant("layers-core", {"depth": 1}, "one block in place of four", without=True),
    Variant("layers-prefixed-kwargs", TAPERED, "wide layers first, for as many weights"),
    Variant("layers-custom", PAIRS, "the same layers in pairs"),
    Variant("layers-sandwich-coef", {"sandwich_coef": 2}),
    Variant("layers-par-ratio", PAR, "two attention layers and six narrower others, for as many weights"),
    Variant("layers-macaron", {"macaron": True, "ff_mult": 2}, "two halves as wide, for as many weights"),
    Variant("layers-only-attn", {"only_attn": True, "depth": 12}, "deeper, for as many weights"),
    Variant("layers-shift-tokens", {"shift_tokens": 1}),
    Variant("layers-weight-tie", {"weight_tie_layers": True}, "one block four times", against="layers-core"),
    Variant("layers-execute-order", AGAIN, "the second block twice"),
    # Embeddings and memory
    Variant("emb-factorized", {"emb_dim": 16}, "an eighth of the width"),
    Variant("emb-tied-output", {"tie_word_embeddings": True}),
    Variant("emb-l2norm", {"l2norm_embed": True}),
    Variant("emb-post-norm", {"post_emb_norm": True}),
    Variant("emb-frac-gradient", {"emb_frac_gradient": 0.1}),
    Variant("emb-dropout", {"emb_dropout": 0.1}),
    Variant("mem-tokens", {"num_memory_tokens": 8}),
    Variant(
        "mem-tokens-interspersed",
        {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 16},
        against="mem-tokens",
    ),
    Variant("mem-xl", XL, "mems of one segment", "segments", against="segments"),
    Variant("mem-recycling", {"recycling": True, "train_max_recycle_steps": 2}),
    Variant("mem-looped", {"looped": True, "max_looped_steps": 2, "norm_placement": "pre_and_post"}),
    Variant("mem-shift-down", {**XL, "shift_mem_down": 1}, "", "segments", against="mem-xl"),
    # Outputs
    Variant("out-logits-bias", {"logits_bias": True}),
    Variant("out-mixture-of-softmax", {"mixture_of_softmax": True, "mixture_of_softmax_k": 4}),
    Variant("out-sigsoftmax", {"sigsoftmax_logits": True}),
    Variant("out-next-embed-head", {"add_continuous_pred_head": True}, "the score is that of bytes alone"),
    # Families
    Variant("loss-seq2seq", SEQ2SEQ, "the first half of each window is the source", "seq2seq", against="targets"),
    Variant(
        "pos-rotary-cross", {**SEQ2SEQ, "dec_cross_attn_rotary_pos_emb": True}, "", "seq2seq", against="loss-seq2seq"
    ),
    Variant("emb-tied-enc-dec", {**SEQ2SEQ, "tie_token_emb": True}, "", "seq2seq", against="loss-seq2seq"),
    Variant(
        "cross-attn-token-dropout",
        {**SEQ2SEQ, "cross_attn_tokens_dropout": 0.1},
        "",
        "seq2seq",
        against="loss-seq2seq",
    ),
    Variant("mod-vit", VIT, "attention between the patches", "digits", against="digits"),
    Variant("mod-vit-cls-head", {**VIT, **CLS}, "", "digits", against="mod-vit"),
    Variant("out-cls-token", {**VIT, "pooling": "cls"}, "in place of the mean", "digits", against="mod-vit"),
    Variant("mod-continuous", ROWS, "attention to all rows before", "rows", against="rows"),
    # Conditions
    Variant("cond-adaptive-layernorm", TOLD_NORM, "told the digit", "told", against="mod-continuous"),
    Variant("cond-adaptive-rmsnorm", TOLD_RMS, "", "told", against="cond-adaptive-layernorm"),
    Variant("cond-adaptive-layerscale", TOLD_SCALE, "told the digit", "told", against="mod-continuous"),
    Variant("cond-adaptive-mlp", TOLD_MLP, "", "told", against="cond-adaptive-layernorm"),
)

# No claim without a number: features without one, and why.
NOT_MEASURED: dict[str, str] = {
    "layers-verbose": "a line in the log changes nothing in training",
    "out-attn-pool": "no task here trains an encoder of tokens; parity with x-transformers is its proof",
    "pos-seq-start": "the windows are full; that padding changes nothing is a contract (padded = alone)",
    "pos-seq-offset": "that a cache changes nothing is a contract (cached decoding = one pass)",
    "attn-causal": "without it a model reads the byte it shall predict; every text run here has it",
    "attn-mask-key-padding": "the windows are full; what a mask must do is a contract (padded = alone)",
    "attn-mask-custom": "plain text has no pairs of bytes to keep apart; what a mask must do is a contract",
    "attn-mask-self-kv": "an argument of single calls; in text no byte is to be hidden",
    "attn-bias-external": "an argument of single calls; nothing is known of pairs of bytes",
    "attn-flash-packed": "the windows are full; that each text gives what it gives alone is tested",
    "attn-onnxable": "it sets nothing; there is nothing to train",
    "attn-qkvo-deltas": "an argument of single calls; what is added comes from the caller",
    "attn-weight-delta": "an argument of single calls; what is added comes from the caller",
    "attn-custom-fn": "it does what the registered function does",
    "cross-attention": "it needs something to look at; it is measured with the encoder, as loss-seq2seq",
    "pos-custom": "other numbers for the same places; there is nothing to train",
    "norm-unit-offset": "it shows under weight decay alone, which no run here has: the steps would be the same",
    "residual-plain": "it is the baseline; its alternatives are measured against it",
    "residual-fn-kwargs": "another spelling of fields that have runs of their own",
    "emb-token": "every run has it; nothing could be read without",
    "layers-repeat-blocks": "an argument of single calls; as a field it is layers-execute-order",
    "layers-transform-block-inputs": "it does what the function of the caller does",
    "layers-prefix-decoder": "no run has a prompt: every byte of a window is predicted",
    "layers-transformer-block": "the blocks of every run under another name",
    "emb-extra-ids": "bytes of a text have no further ids",
    "emb-sum": "bytes of a text come without vectors",
    "emb-prepend": "nothing stands in front of a window of text",
    "emb-custom-embedder": "it does what the registered layer does",
    "emb-transform-tokens": "it does what the registered function does",
    "cond-additional-kv": "there is no other model whose keys and values a run could be given",
    "cond-kv-residuals": "a run has nothing to add to keys and values",
    "mem-in-attn-cond": "what is added comes from a model of the caller's, an encoder of bars in the paper",
    "loss-looped-exit": "mem-looped is trained with it; without it the gate learns nothing",
    "mem-kv-cache": "it gives the numbers of one pass, sooner; nothing is trained with it",
    "out-return-embeddings": "another output of the same numbers; there is nothing to train",
    "out-logits": "every run has a score for each byte; further ones would have nothing to predict",
    "out-multiple-heads": "all heads of a run would have the same bytes to predict",
    "out-squeeze": "a number for each place predicts no byte",
    "out-intermediates": "it tells of a model and does not change it",
    "out-logit-entropies": "it tells of a model and does not change it",
    "out-average-pool": "mod-vit has it; out-cls-token is measured against it",
}


def root_of(variant: Variant) -> Variant:
    """Return the baseline at the end of the comparisons: its seeds tell what is noise."""
    return variant if not variant.against else root_of(every_run()[variant.against])


def every_run() -> dict[str, Variant]:
    """Return baselines and variants by name, in the order they are run."""
    return {variant.name: variant for variant in (*BASELINES, *VARIANTS)}
