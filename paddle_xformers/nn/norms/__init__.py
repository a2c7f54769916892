"""Normalisation layers by name."""

from __future__ import annotations

from paddle import Tensor, nn

from ...config.options import NormOptions
from ...config.registry import make_part, provide
from ..condition import AdaptiveNorm
from .layernorm import LayerNorm, SimpleLayerNorm
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
        "layernorm": lambda dim, options: LayerNorm(
            dim, bias=options.norm_bias, eps=options.norm_eps or 1e-5, offset=options.offset
        ),
        "rmsnorm": lambda dim, options: RMSNorm(dim, eps=options.norm_eps or 1e-12, offset=options.offset),
        "scalenorm": lambda dim, options: ScaleNorm(dim, eps=options.norm_eps or 1e-12, offset=options.offset),
        "simple_rmsnorm": lambda dim, options: SimpleRMSNorm(eps=options.norm_eps or 1e-12),
        "dynamic_tanh": lambda dim, options: DynamicTanh(
            dim, alpha=options.dynamic_tanh_init_alpha, unit_offset=options.norm_add_unit_offset
        ),
        "derf": lambda dim, options: Derf(dim, offset=options.offset),
        "adaptive_layernorm": lambda dim, options: AdaptiveNorm(
            dim, options.condition_width(dim), SimpleLayerNorm(dim, eps=options.norm_eps or 1e-5)
        ),
        "adaptive_rmsnorm": lambda dim, options: AdaptiveNorm(
            dim, options.condition_width(dim), SimpleRMSNorm(eps=options.norm_eps or 1e-12)
        ),
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
    "AdaptiveNorm",
    "Derf",
    "DynamicTanh",
    "Identity",
    "LayerNorm",
    "RMSNorm",
    "ScaleNorm",
    "SimpleLayerNorm",
    "SimpleRMSNorm",
    "make_embedding_norm",
    "make_norm",
]
