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
        "feature in place of a norm. adaptive_layernorm, adaptive_rmsnorm: the gain is 1 + W c, where c is the forward "
        "argument condition, (b, dim_condition) or (b, n, dim_condition), and W starts at 0.",
        feature="norm-layernorm",
        paper="1607.06450; 1910.07467; 1910.05895; 2307.14995; 2503.10622; 2512.10938; 2212.09748",
        choices=(
            *("layernorm", "rmsnorm", "scalenorm", "simple_rmsnorm", "dynamic_tanh", "derf"),
            *("adaptive_layernorm", "adaptive_rmsnorm", "identity"),
        ),
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
    norm_add_unit_offset: bool = option(
        False,
        "The gains of the norms in the stack and of use_layerscale are stored less 1, so that weight decay draws them "
        "to 1 and not to 0; what is computed at first is the same. x-transformers stores them so by default.",
        feature="norm-unit-offset",
    )
    norm_placement: str = option(
        "pre",
        "pre: before each branch. post: after each residual sum. sandwich: before and on the branch output. "
        "pre_and_post: before each branch and after each residual sum. attn_branch: on the output of attention "
        "branches, before feed-forward branches. resi_dual: after each residual sum, beside a second stream that adds "
        "up the branches without norms and is normed and added at the end.",
        feature="norm-pre-post",
        paper="2002.04745; 2105.13290; 2510.25741; 2010.04245; 2304.14802",
        choices=("pre", "post", "sandwich", "pre_and_post", "attn_branch", "resi_dual"),
    )
    resi_dual_scale: float = option(
        1.0,
        "Factor on the second stream of resi_dual, which the final norm takes back; a small one keeps deep stacks in "
        "the range of half precision.",
        feature="norm-resi-dual",
        paper="2304.14802",
        above=0,
        maximum=1,
        examples=(0.03,),
        needs={"norm_placement": "resi_dual"},
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
    dim_condition: int | None = option(
        None,
        "Width of the forward argument condition, which adaptive norms and use_adaptive_layerscale read; None: dim.",
        feature="cond-adaptive-layernorm",
        paper="2212.09748",
        minimum=1,
        examples=(12,),
        beside={"norm": "adaptive_layernorm"},
    )
    adaptive_condition_mlp: bool = option(
        False,
        "A linear without bias and SiLU on the condition, once a forward; what is conditioned reads its output.",
        feature="cond-adaptive-mlp",
        paper="2212.09748",
        beside={"norm": "adaptive_layernorm"},
    )
    adaptive_condition_mlp_expansion: int = option(
        4,
        "Width of the output of adaptive_condition_mlp, in widths of the condition.",
        feature="cond-adaptive-mlp",
        paper="2212.09748",
        minimum=1,
        examples=(2,),
        needs={"adaptive_condition_mlp": True},
        beside={"norm": "adaptive_rmsnorm"},
    )
    final_norm: bool | None = option(
        None,
        "A norm closes the stack. None: yes for the placements pre, sandwich, attn_branch and resi_dual, else no.",
        feature="norm-final",
        examples=(False,),
    )

    @property
    def offset(self) -> float:
        """What stored gains are less by."""
        return 1.0 if self.norm_add_unit_offset else 0.0

    @property
    def is_adaptive(self) -> bool:
        """Whether the norms depend on a condition."""
        return self.norm in ("adaptive_layernorm", "adaptive_rmsnorm")

    def condition_width(self, dim: int) -> int:
        """Return the width of what conditioned parts read.

        Args:
            dim: Width of the residual stream.
        """
        width = self.dim_condition or dim
        return width * self.adaptive_condition_mlp_expansion if self.adaptive_condition_mlp else width
