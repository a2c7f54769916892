"""The feed-forward layer: two linears around an activation, or a gated linear unit (2002.05202)."""

from __future__ import annotations

from paddle import Tensor, nn
from paddle.nn.initializer import Constant

from ..config.options import FeedForwardOptions
from ..config.registry import make_part, provide
from .activations import make_activation
from .linear import Linear
from .norms import LayerNorm
from .softclamp import softclamp


class FeedForward(nn.Layer):
    """`down_proj(activation(up_proj(x)))`, or `down_proj(up_proj(x) * activation(gate_proj(x)))`.

    With `ff_softclamp_value` the hidden layer, with `ff_glu_softclamp` both factors of a gated unit are softly clamped.
    With `ff_post_act_ln` a LayerNorm of the inner width stands before `down_proj` (NormFormer, 2110.09456).

    Args:
        dim: Width of input and output.
        options: The feed-forward fields of this layer.
    """

    def __init__(self, dim: int, options: FeedForwardOptions) -> None:
        super().__init__()
        inner = options.ff_dim or int(dim * options.ff_mult)
        bias = not options.ff_no_bias
        self.activation = make_activation(inner, options)
        self.clamp = None if options.ff_glu else options.ff_softclamp_value
        self.up_clamp = options.ff_glu_up_softclamp_value if options.ff_glu and options.ff_glu_softclamp else None
        self.up_proj = Linear(dim, inner, bias=bias)
        self.gate_proj = Linear(dim, inner, bias=bias) if options.ff_glu else None
        self.mult_bias = None
        if options.ff_glu and options.ff_glu_mult_bias:
            self.mult_bias = self.create_parameter([inner], default_initializer=Constant(1.0))
        self.inner_norm = LayerNorm(inner) if options.ff_post_act_ln else None
        self.dropout = nn.Dropout(options.ff_dropout)
        self.down_proj = Linear(inner, dim, bias=bias, zero_init=options.ff_zero_init_output)
        self.sublayer_dropout = nn.Dropout(options.ff_sublayer_dropout)

    def forward(self, x: Tensor) -> Tensor:
        """Map (b, n, d) to (b, n, d), each token by itself."""
        inner = self.up_proj(x)  # (b, n, f)
        if self.gate_proj is None:
            inner = self.activation(inner if self.clamp is None else softclamp(inner, self.clamp))
        else:
            inner = inner if self.up_clamp is None else softclamp(inner, self.up_clamp)
            inner = inner * self.activation(self.gate_proj(x))
        if self.mult_bias is not None:
            inner = inner * self.mult_bias
        if self.inner_norm is not None:
            inner = self.inner_norm(inner)
        return self.sublayer_dropout(self.down_proj(self.dropout(inner)))


provide("ff_layer", {"mlp": FeedForward})


def make_feedforward(dim: int, options: FeedForwardOptions) -> nn.Layer:
    """Build the feed-forward layer that the options name.

    Args:
        dim: Width of input and output.
        options: The feed-forward fields of this layer.
    """
    layer: nn.Layer = make_part("ff_layer", options.ff_layer, dim, options)
    return layer
