"""The feed-forward layer."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import FEEDFORWARD, option

ACTIVATIONS = (
    *("gelu", "gelu_tanh", "relu", "relu_squared", "silu", "sigmoid", "tanh", "mish", "softplus", "elu", "leaky_relu"),
    *("solu", "identity"),
)


@dataclass(frozen=True)
class FeedForwardOptions:
    """Options of one feed-forward layer."""

    ff_layer: str = option(
        "mlp",
        "The whole layer. mlp: two linears around an activation, gated with ff_glu. A registered layer takes what it "
        "likes of the other ff_* fields.",
        feature="ff-mlp",
        paper="1706.03762",
        choices=("mlp",),
        per_layer=FEEDFORWARD,
        socket="ff_layer",
    )
    ff_mult: float = option(
        4,
        "Inner width as a multiple of dim.",
        feature="ff-mlp",
        paper="1706.03762",
        above=0,
        per_layer=FEEDFORWARD,
        examples=(2, (1, 3)),
    )
    ff_dim: int | None = option(
        None,
        "Inner width itself, where the multiple is not a round number (LLaMA's 11008); None: int(dim * ff_mult).",
        feature="ff-mlp",
        minimum=1,
        per_layer=FEEDFORWARD,
        examples=(50,),
    )
    ff_activation: str = option(
        "gelu",
        "Activation of the inner layer (of the gate, with ff_glu). silu with ff_glu is SwiGLU. "
        "solu: x * softmax(x) with a LayerNorm of its own.",
        feature="ff-swish",
        paper="2002.05202; 2109.08668",
        choices=ACTIVATIONS,
        per_layer=FEEDFORWARD,
        socket="ff_activation",
    )
    ff_glu: bool = option(
        False,
        "Gated linear unit: a second projection, activated, multiplies the first.",
        feature="ff-glu",
        paper="2002.05202",
        per_layer=FEEDFORWARD,
    )
    ff_glu_mult_bias: bool = option(
        False,
        "A learned factor for each inner feature of the gated product, starting at 1.",
        feature="ff-glu",
        per_layer=FEEDFORWARD,
        beside={"ff_glu": True},
    )
    ff_softclamp_value: float | None = option(
        None,
        "Bound of a soft clamp (value * tanh(x / value)) in front of the activation; not with ff_glu.",
        feature="ff-softclamp",
        above=0,
        per_layer=FEEDFORWARD,
        examples=(1.5,),
    )
    ff_glu_softclamp: bool = option(
        False,
        "Soft clamps on the value and on the linear factor of the gate, which is gelu or silu (SiTU-GLU).",
        feature="ff-glu-softclamp",
        paper="2607.24653",
        per_layer=FEEDFORWARD,
        needs={"ff_glu": True},
    )
    ff_glu_gate_softclamp_value: float = option(
        4.0,
        "Bound of the gate's linear factor.",
        feature="ff-glu-softclamp",
        paper="2607.24653",
        above=0,
        per_layer=FEEDFORWARD,
        examples=(0.5,),
        needs={"ff_glu_softclamp": True},
        beside={"ff_glu": True},
    )
    ff_glu_up_softclamp_value: float = option(
        25.0,
        "Bound of the value that the gate multiplies.",
        feature="ff-glu-softclamp",
        paper="2607.24653",
        above=0,
        per_layer=FEEDFORWARD,
        examples=(0.5,),
        needs={"ff_glu_softclamp": True},
        beside={"ff_glu": True},
    )
    ff_post_act_ln: bool = option(
        False,
        "A LayerNorm of the inner width behind the activation (of the gated product, with ff_glu).",
        feature="ff-post-act-ln",
        paper="2110.09456",
        per_layer=FEEDFORWARD,
    )
    ff_no_bias: bool = option(
        False,
        "The linears have no bias.",
        feature="ff-no-bias",
        paper="2204.02311",
        per_layer=FEEDFORWARD,
    )
    ff_dropout: float = option(
        0.0,
        "Dropout on the inner layer.",
        feature="ff-dropout",
        paper="1207.0580",
        minimum=0,
        maximum=1,
        per_layer=FEEDFORWARD,
        examples=(0.5,),
    )
    ff_sublayer_dropout: float = option(
        0.0,
        "Dropout on the output of the feed-forward branch.",
        feature="ff-sublayer-dropout",
        paper="1706.03762",
        minimum=0,
        maximum=1,
        per_layer=FEEDFORWARD,
        examples=(0.5,),
    )
    ff_zero_init_output: bool = option(
        False,
        "The last linear starts at zero, so that the branch starts as nothing.",
        feature="residual-zero-init",
        paper="1901.09321",
        per_layer=FEEDFORWARD,
    )
