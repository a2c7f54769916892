"""How a branch reads from and writes to the residual stream."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class ResidualOptions:
    """The residual connection around every layer."""

    residual: str = option(
        "plain",
        "plain: add. rezero: add the branch times a learned number that starts at 0. gru: a GRU cell merges branch and "
        "residual. orthogonal: add the part of the branch that is orthogonal to the residual. mv_split: what a branch "
        "gives differs from its mean over the tokens, and the two count differently; the mean is over the tokens up to "
        "each one in a causal stack (x-transformers takes later ones too), over all of a row in others. hyper: several "
        "streams with learned reading, mixing and writing (hyper-connections). gated_multi: several streams that are "
        "normed and read through gates, in place of the norm before each branch (with upstream_compat also normed "
        "after each layer, as in x-transformers).",
        feature="residual-plain",
        paper="1512.03385; 2003.04887; 1910.06764; 2505.11881; 2605.06169; 2409.19606; 2512.24880; "
        "https://qwen.ai/blog?id=qwen3.8-flash-next",
        choices=("plain", "rezero", "gru", "orthogonal", "mv_split", "hyper", "gated_multi"),
        examples=("rezero", "gru", "orthogonal", "mv_split"),
        socket="residual",
    )
    mv_split_init_alpha: float = option(
        0.0,
        "Where the factors of residual='mv_split' on the mean over the tokens start.",
        feature="residual-mv-split",
        paper="2605.06169",
        examples=(0.5,),
        needs={"residual": "mv_split"},
    )
    mv_split_init_beta: float = option(
        0.03,
        "Where the factors of residual='mv_split' on what differs from the mean start.",
        feature="residual-mv-split",
        paper="2605.06169",
        above=0,
        examples=(0.5,),
        needs={"residual": "mv_split"},
    )
    mv_split_learned: bool = option(
        False,
        "The factors of residual='mv_split' are computed from the mean of the branch output.",
        feature="residual-mv-split",
        paper="2605.06169",
        needs={"residual": "mv_split"},
    )
    read_gate_rank: int = option(
        64,
        "Rank of the linears that the gates of residual='gated_multi' are computed with.",
        feature="residual-gated-multi",
        paper="https://qwen.ai/blog?id=qwen3.8-flash-next",
        minimum=1,
        examples=(4,),
        needs={"residual": "gated_multi"},
        beside={"num_residual_streams": 2},
    )
    scale_residual: bool = option(
        False,
        "A learned factor for each feature of the residual (not of the branch), starting at 1; "
        "not with residual='hyper' or 'gated_multi'.",
        feature="residual-scale",
        paper="2110.09456",
    )
    scale_residual_constant: float = option(
        1.0,
        "A constant factor on the residual (not on the branch), DeepNorm's alpha; not with residual='hyper' "
        "or 'gated_multi'.",
        feature="residual-scale",
        paper="2203.00555",
        above=0,
        examples=(1.5,),
    )
    depth_scale_residual: bool = option(
        False,
        "The last linear of each branch starts from a normal distribution of deviation 1 / sqrt(2 * its input width * "
        "its block, counted from 1).",
        feature="residual-depth-scale",
        paper="2310.02244",
    )
    branch_scale: float = option(
        1.0,
        "A constant factor on the output of every branch.",
        feature="residual-depth-scale",
        paper="2310.02244",
        above=0,
        examples=(0.5,),
    )
    use_layerscale: bool = option(
        False,
        "A learned factor for each feature of the branch output.",
        feature="residual-layerscale",
        paper="2103.17239",
    )
    layerscale_init_value: float = option(
        0.0,
        "Where the factors of use_layerscale start. At 0 every branch starts as nothing; the paper takes 0.1 for 18 "
        "blocks, 1e-5 for 24, 1e-6 for more.",
        feature="residual-layerscale",
        paper="2103.17239",
        minimum=0,
        examples=(0.1,),
        needs={"use_layerscale": True},
    )
    use_adaptive_layerscale: bool = option(
        False,
        "A factor for each feature of the branch output, sigmoid(W c + b) of the forward argument condition c "
        "(AdaLN-zero); W starts at 0. Not with use_layerscale.",
        feature="cond-adaptive-layerscale",
        paper="2212.09748",
    )
    adaptive_layerscale_init_bias: float = option(
        -2.0,
        "Where the b of use_adaptive_layerscale starts; at -2 a branch starts with 0.12 of its output.",
        feature="cond-adaptive-layerscale",
        paper="2212.09748",
        examples=(0.5,),
        needs={"use_adaptive_layerscale": True},
    )
    num_residual_streams: int = option(
        1,
        "Number of streams of residual='hyper' or 'gated_multi'.",
        feature="residual-hyper-connections",
        paper="2409.19606",
        minimum=1,
        examples=(2, 3),
        beside={"residual": "hyper"},
    )
    hyper_conn_sinkhorn_iters: int = option(
        5,
        "Sinkhorn rounds that make the mix of the streams doubly stochastic.",
        feature="residual-hyper-connections",
        paper="2512.24880",
        minimum=1,
        examples=(1,),
        needs={"residual": "hyper"},
        beside={"num_residual_streams": 2},
    )
    integrate_layers: bool = option(
        False,
        "LIMe: a branch reads a mixture, weighed token by token, of what its layer and all before it read from the "
        "stream; self attention after the first has one each for queries, keys and values.",
        feature="residual-lime",
        paper="2502.09245",
    )
    layer_integrate_use_softmax: bool = option(
        True,
        "The weights of integrate_layers sum to 1; off: each is any number from 0 up.",
        feature="residual-lime",
        paper="2502.09245",
        needs={"integrate_layers": True},
    )
    attn_aggregated_residuals: bool = option(
        False,
        "A branch reads what attention over depth finds in the states of the stream so far.",
        feature="residual-attn-aggregated",
        paper="2603.15031; 2601.21582",
    )
    attn_aggregated_residual_rank: int | None = option(
        None,
        "Rank of the linears that change the query of attn_aggregated_residuals, less than dim; None: 64, or half of "
        "dim where that is not more than 64.",
        feature="residual-attn-aggregated",
        paper="2601.21582",
        minimum=1,
        examples=(8,),
        needs={"attn_aggregated_residuals": True},
    )
    attn_aggregated_residual_activation: str = option(
        "identity",
        "Activation between those two linears.",
        feature="residual-attn-aggregated",
        paper="2601.21582",
        choices=("identity", "silu", "gelu", "relu", "tanh"),
        examples=("silu",),
        needs={"attn_aggregated_residuals": True},
    )
    qkv_receive_diff_residuals: bool = option(
        False,
        "Queries, keys and values of self attention are computed from readings of their own: with residual='hyper' or "
        "'gated_multi' of the streams, with attn_aggregated_residuals over depth; integrate_layers does so anyway.",
        feature="residual-qkv-views",
        paper="2409.19606; 2502.09245",
        beside={"attn_aggregated_residuals": True},
    )
    unet_skips: bool = option(
        False,
        "Each block of the second half begins with a linear of its input and that of its mirror image in the first.",
        feature="residual-unet-skips",
        paper="2209.12152",
    )
    reinject_input: bool = option(
        False,
        "A linear of the embedded sequence is added to the input of every branch.",
        feature="residual-reinject",
        paper="1909.01377",
    )
    learned_reinject_input_gate: bool = option(
        False,
        "Each token learns how much it takes of what is added to the inputs of branches: of what reinject_input makes, "
        "or, where that is False, of in_attn_cond, which every call has to give then.",
        feature="residual-reinject",
        paper="1909.01377",
        beside={"reinject_input": True},
    )

    @property
    def looks_back(self) -> bool:
        """Whether branches read mixtures of what earlier layers read."""
        return self.integrate_layers or self.attn_aggregated_residuals

    @property
    def gates_what_calls_add(self) -> bool:
        """Whether there is a gate on what each call has to add to the inputs of branches (in_attn_cond)."""
        return self.learned_reinject_input_gate and not self.reinject_input

    def depth_attention_rank(self, dim: int) -> int:
        """Return the rank in force of the linears of attn_aggregated_residuals.

        Args:
            dim: Width of the stream.
        """
        return self.attn_aggregated_residual_rank or (64 if dim > 64 else max(1, dim // 2))
