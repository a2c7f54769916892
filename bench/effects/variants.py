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
        task: What it is trained on, see tasks.py.
        against: The run it is compared with; empty for the baseline of a task.
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


ROTARY = {"rotary_pos_emb": True}
XL = {**ROTARY, "max_mem_len": 64}

# The runs that others are compared with and that are no feature themselves: one a task.
BASELINES: tuple[Variant, ...] = (
    Variant("baseline", note="learned positions, LayerNorm first, GELU, plain residuals", against=""),
    Variant("segments", ROTARY, "short segments, each read alone", "segments", against=""),
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
    # Positions
    Variant("pos-absolute", {"position_embedding": "none"}, "no positions at all", without=True),
    Variant("pos-rotary", ROTARY, "in place of learned positions"),
    Variant("pos-rotary-half-split", {**ROTARY, "rotary_layout": "half"}, against="pos-rotary"),
    Variant("pos-t5-bias", {"position_bias": "t5"}, "in place of learned positions"),
    Variant(
        "pos-alibi", {"position_bias": "alibi", "position_embedding": "none"}, "in place of learned positions"
    ),
    # Norms and residuals
    Variant("norm-layernorm", {"norm": "identity"}, "no norm at all", without=True),
    Variant("norm-layernorm-bias", {"norm_bias": True}),
    Variant("norm-scalenorm", {"norm": "scalenorm"}),
    Variant("norm-pre-post", {"norm_placement": "post"}, "after the sum", without=True),
    Variant("norm-sandwich", {"norm_placement": "sandwich"}),
    Variant("residual-attention-scores", {"residual_attn": True}),
    # Feed-forward
    Variant("ff-mlp", {"only_attn": True}, "attention only: two thirds of the weights of a block gone", without=True),
    Variant("ff-glu", {"ff_glu": True, "ff_mult": 8 / 3}, "narrower, for as many weights"),
    Variant("ff-relu-squared", {"ff_activation": "relu_squared"}),
    Variant("ff-dropout", {"ff_dropout": 0.1}),
    # Layers
    Variant("layers-core", {"depth": 1}, "one block in place of four", without=True),
    Variant("layers-sandwich-coef", {"sandwich_coef": 2}),
    Variant("layers-macaron", {"macaron": True, "ff_mult": 2}, "two halves as wide, for as many weights"),
    # Embeddings and memory
    Variant("emb-dropout", {"emb_dropout": 0.1}),
    Variant("mem-tokens", {"num_memory_tokens": 8}),
    Variant("mem-xl", XL, "mems of one segment", "segments", against="segments"),
    Variant("mem-shift-down", {**XL, "shift_mem_down": 1}, "", "segments", against="mem-xl"),
)

# No claim without a number: features without one, and why.
NOT_MEASURED: dict[str, str] = {
    "attn-causal": "without it a model reads the byte it shall predict; every text run here has it",
    "attn-mask-key-padding": "the windows are full; what a mask must do is a contract (padded = alone)",
    "residual-plain": "it is the baseline; its alternatives are measured against it",
    "emb-token": "every run has it; nothing could be read without",
    "out-return-embeddings": "another output of the same numbers; there is nothing to train",
}


def every_run() -> dict[str, Variant]:
    """Return baselines and variants by name, in the order they are run."""
    return {variant.name: variant for variant in (*BASELINES, *VARIANTS)}
