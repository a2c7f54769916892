"""Normalisation: its kind and where it stands."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class NormOptions:
    """The norm of every layer and of the end of the stack."""

    norm: str = option(
        "layernorm",
        "Kind of norm. simple_rmsnorm: rmsnorm without gains. dynamic_tanh, derf: a learned S-shaped function of each "
        "feature in place of a norm.",
        feature="norm-layernorm",
        paper="1607.06450; 1910.07467; 1910.05895; 2307.14995; 2503.10622; 2512.10938",
        choices=("layernorm", "rmsnorm", "scalenorm", "simple_rmsnorm", "dynamic_tanh", "derf", "identity"),
        socket="norm",
    )
    dynamic_tanh_init_alpha: float = option(
        1.0,
        "Where the learned steepness of dynamic_tanh starts.",
        feature="norm-dynamic-tanh",
        paper="2503.10622",
        above=0,
        examples=(0.5,),
        needs={"norm": "dynamic_tanh"},
    )
    norm_bias: bool = option(
        False,
        "LayerNorm also has a bias, that of the embeddings (post_emb_norm) too (GPT-2, BERT).",
        feature="norm-layernorm-bias",
        paper="1607.06450",
    )
    norm_eps: float | None = option(
        None,
        "Added to the mean square (variance) under the root; None: 1e-5 for layernorm, 1e-12 for the others.",
        feature="norm-layernorm",
        above=0,
        examples=(0.001,),
    )
    norm_placement: str = option(
        "pre",
        "pre: before each branch. post: after each residual sum. sandwich: before and on the branch output. "
        "pre_and_post: before each branch and after each residual sum. attn_branch: on the output of attention "
        "branches, before feed-forward branches.",
        feature="norm-pre-post",
        paper="2002.04745; 2105.13290; 2510.25741; 2010.04245",
        choices=("pre", "post", "sandwich", "pre_and_post", "attn_branch"),
    )
    softclamp_output: bool = option(
        False,
        "A soft clamp, value * tanh(x / value), on the residual stream before the final norm.",
        feature="norm-softclamp-output",
        paper="2408.00118",
    )
    softclamp_output_value: float = option(
        30.0,
        "Bound of the soft clamp of softclamp_output.",
        feature="norm-softclamp-output",
        paper="2408.00118",
        above=0,
        examples=(2.0,),
        needs={"softclamp_output": True},
    )
    final_norm: bool | None = option(
        None,
        "A norm closes the stack. None: yes for the placements pre, sandwich and attn_branch, else no.",
        feature="norm-final",
        examples=(False,),
    )
