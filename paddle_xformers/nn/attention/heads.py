"""From the layer's input to heads, in both layouts."""

from __future__ import annotations

import paddle
from paddle import Tensor, nn

from ..linear import Linear


def moved(x: Tensor, sinusoid: Tensor | None) -> Tensor:
    """Return the input of queries or keys, with their positions added if they are."""
    return x if sinusoid is None else x + sinusoid


def split(t: Tensor, heads: int) -> Tensor:
    """Turn (b, n, heads * k) into (b, heads, n, k)."""
    width = t.shape[2] // heads
    if t.shape[1] == 1:
        return t.reshape([0, heads, 1, width])
    return t.reshape([0, 0, heads, width]).transpose([0, 2, 1, 3])


def project_feature_major(layer: Linear, x: Tensor, heads: int) -> Tensor:
    """Project (b, n, d) to (b, heads, k, n): the product is written as W^T x^T."""
    t = paddle.matmul(layer.weight, x, transpose_x=True, transpose_y=True)  # (b, heads * k, n)
    if layer.bias is not None:
        t = t + layer.bias.unsqueeze(-1)
    return t.reshape([0, heads, layer.weight.shape[1] // heads, x.shape[1]])


def is_plain(layer: nn.Layer) -> bool:
    """Return whether a projection is our own linear, unhooked: LoRA and others put theirs in its place."""
    return type(layer) is Linear and not layer._forward_pre_hooks and not layer._forward_post_hooks
