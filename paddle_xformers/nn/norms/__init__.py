"""Normalisation layers by name."""

from __future__ import annotations

from paddle import Tensor, nn

from ...config.options import NormOptions
from ...config.registry import make_part, provide
from .layernorm import LayerNorm
from .pointwise import Derf, DynamicTanh
from .rms import RMSNorm, ScaleNorm, SimpleRMSNorm


class Identity(nn.Layer):
    """No normalisation; stands where a norm would."""

    def forward(self, x: Tensor, condition: Tensor | None = None) -> Tensor:
        """Return `x`."""
        return x


provide(
    "norm",
    {
        "layernorm": lambda dim, options: LayerNorm(dim, bias=options.norm_bias, eps=options.norm_eps or 1e-5),
        "rmsnorm": lambda dim, options: RMSNorm(dim, eps=options.norm_eps or 1e-12),
        "scalenorm": lambda dim, options: ScaleNorm(dim, eps=options.norm_eps or 1e-12),
        "simple_rmsnorm": lambda dim, options: SimpleRMSNorm(eps=options.norm_eps or 1e-12),
        "dynamic_tanh": lambda dim, options: DynamicTanh(dim, alpha=options.dynamic_tanh_init_alpha),
        "derf": lambda dim, options: Derf(dim),
        "identity": lambda dim, options: Identity(),
    },
)


def make_norm(dim: int, options: NormOptions) -> nn.Layer:
    """Build the norm that the options name, for the last axis of width `dim`."""
    norm: nn.Layer = make_part("norm", options.norm, dim, options)
    return norm


def make_embedding_norm(dim: int, options: NormOptions) -> LayerNorm:
    """Build the norm of embeddings of width `dim`: a LayerNorm, like those of the layers if these are LayerNorms too.

    BERT and BLOOM have biases in both; x-transformers, which has none, keeps a LayerNorm beside every other norm.
    """
    if options.norm != "layernorm":
        return LayerNorm(dim)
    return LayerNorm(dim, bias=options.norm_bias, eps=options.norm_eps or 1e-5)


__all__ = [
    "Derf",
    "DynamicTanh",
    "Identity",
    "LayerNorm",
    "RMSNorm",
    "ScaleNorm",
    "SimpleRMSNorm",
    "make_embedding_norm",
    "make_norm",
]
