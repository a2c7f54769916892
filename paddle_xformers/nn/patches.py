"""The front end for images: patches, each a token (2010.11929), with learned tokens beside them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Normal

from ..config import StackOptions
from ..config.options import VisionOptions
from .gradients import with_less_gradient
from .linear import Linear
from .norms import LayerNorm, make_embedding_norm
from .positions import make_position_function
from .positions.grid import GridPositions
from .sizes import sizes


def to_patches(pixels: Tensor, size: int) -> Tensor:
    """Cut images, (b, c, h, w), into patches from left to right and top to bottom: (b, n, size * size * c).

    The numbers of a patch stand by row, column and channel.

    Args:
        pixels: The images.
        size: Height and width of a patch.
    """
    b, c, height, width = sizes(pixels)
    rows, columns = height // size, width // size
    x = pixels.reshape([b, c, rows, size, columns, size])
    x = x.transpose([0, 2, 4, 3, 5, 1])  # (b, rows, columns, size, size, c)
    return x.reshape([b, rows * columns, size * size * c])


def from_patches(patches: Tensor, size: int, grid: tuple[int, int]) -> Tensor:
    """Put patches, (b, n, size * size * c), together to images, (b, c, h, w): `to_patches` backwards.

    Args:
        patches: The patches.
        size: Height and width of a patch.
        grid: Number of patches from top to bottom and from left to right.
    """
    b, (rows, columns) = sizes(patches)[0], grid
    x = patches.reshape([b, rows, columns, size, size, -1])
    x = x.transpose([0, 5, 1, 3, 2, 4])  # (b, c, rows, size, columns, size)
    return x.reshape([b, -1, rows * size, columns * size])


@dataclass(frozen=True)
class Patches:
    """Embedded images.

    Args:
        hidden: Class token, patches and register tokens, (b, n, d).
        positions: Where each of them stands, (b or 1, n).
        kept: How many of them, from the first, are class token and patches.
    """

    hidden: Tensor
    positions: Tensor
    kept: int


class PatchEmbeddings(nn.Layer):
    """Patches, projected to `dim`, plus position, normed and dropped out; registers behind, a class token in front.

    Args:
        options: Everything the model is built from; with images.
        mask_token: Whether there is a learned vector to take the place of hidden patches.
    """

    def __init__(self, options: StackOptions, *, mask_token: bool = False) -> None:
        super().__init__()
        vision, dim = cast(VisionOptions, options.vision), options.dim
        self.patch_size = vision.patch_size
        self.patch_dropout = vision.patch_dropout
        self.pre_norm = LayerNorm(vision.patch_width) if vision.patch_norm else None
        self.proj = Linear(vision.patch_width, dim, bias=True)
        self.post_norm = LayerNorm(dim) if vision.patch_norm else None
        self.cls_token = self._learned(1, dim) if vision.pooling == "cls" else None
        self.mask_token = self._learned(1, dim, 0.02) if mask_token else None
        self.position_embeddings = None
        if options.position.adds_learned_positions:
            scale = options.position.position_embedding_scale
            lead = 0 if self.cls_token is None else 1
            self.position_embeddings = GridPositions(vision.grid, dim, lead=lead, scale=1.0 if scale is None else scale)
        self.norm = make_embedding_norm(dim, options.norm) if options.embedding.post_emb_norm else None
        self.position_function = make_position_function(dim, options.position)
        self.gradient_share = options.embedding.emb_frac_gradient
        self.dropout = nn.Dropout(options.embedding.emb_dropout)
        registers = vision.num_register_tokens
        self.register_tokens = self._learned(registers, dim) if registers else None

    def _learned(self, count: int, dim: int, std: float = 1.0) -> Tensor:
        return self.create_parameter([count, dim], default_initializer=Normal(0.0, std))

    def forward(self, pixels: Tensor, hidden: Tensor | None = None) -> Patches:
        """Embed a batch of images.

        Args:
            pixels: (b, c, h, w).
            hidden: Patches that the mask token stands for, (b, n), boolean; None: none.
        """
        b, _, height, width = sizes(pixels)
        x = to_patches(pixels, self.patch_size)  # (b, n, p)
        x = self.proj(x if self.pre_norm is None else self.pre_norm(x))  # (b, n, d)
        if self.post_norm is not None:
            x = self.post_norm(x)
        if hidden is not None and self.mask_token is not None:
            x = paddle.where(hidden.unsqueeze(-1), self.mask_token.astype(x.dtype).unsqueeze(0), x)
        if self.cls_token is not None:
            x = paddle.concat([_rows(self.cls_token, x), x], axis=1)  # (b, 1 + n, d)
        if self.position_embeddings is not None:
            x = x + self.position_embeddings((height // self.patch_size, width // self.patch_size))
        if self.position_function is not None:
            x = x + self.position_function(paddle.arange(x.shape[1]).unsqueeze(0), x.dtype)
        x = with_less_gradient(x if self.norm is None else self.norm(x), self.gradient_share)
        x = self.dropout(x)
        n = x.shape[1]
        positions = paddle.arange(n).unsqueeze(0)  # (1, n)
        if self.training and self.patch_dropout:
            x, positions = self._some(x)
        kept = x.shape[1]
        if self.register_tokens is not None:
            x = paddle.concat([x, _rows(self.register_tokens, x)], axis=1)
            behind = paddle.arange(n, n + self.register_tokens.shape[0]).unsqueeze(0)
            positions = paddle.concat([positions, behind.expand([positions.shape[0], -1])], axis=1)
        return Patches(x, positions, kept)

    def _some(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Keep some patches of each image, in their order, and the class token; return them and their positions."""
        lead = 0 if self.cls_token is None else 1
        b, n = x.shape[0], x.shape[1] - lead
        count = max(1, n - int(n * self.patch_dropout))
        chosen = paddle.rand([b, n]).argsort(axis=1)[:, :count].sort(axis=1) + lead  # (b, count)
        if lead:
            chosen = paddle.concat([paddle.zeros([b, 1], dtype=chosen.dtype), chosen], axis=1)
        return paddle.take_along_axis(x, chosen.unsqueeze(-1), axis=1), chosen


def _rows(tokens: Tensor, x: Tensor) -> Tensor:
    """Write learned tokens, (t, d), out for each row of x: (b, t, d)."""
    return tokens.astype(x.dtype).unsqueeze(0).expand([sizes(x)[0], -1, -1])
