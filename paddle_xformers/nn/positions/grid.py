"""Learned positions of the patches of an image (2010.11929), which serve images of other sizes too."""

from __future__ import annotations

import paddle
from paddle import ParamAttr, Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Normal


class GridPositions(nn.Embedding):
    """One learned vector a patch, times a constant.

    Args:
        grid: Number of patches from top to bottom and from left to right.
        dim: Width of the vectors.
        lead: Rows in front of those of the patches: 1 for a class token.
        scale: Factor on the vectors.
    """

    weight: Tensor

    def __init__(self, grid: tuple[int, int], dim: int, *, lead: int = 0, scale: float = 1.0) -> None:
        rows = lead + grid[0] * grid[1]
        super().__init__(rows, dim, weight_attr=ParamAttr(initializer=Normal(0.0, 1.0)))
        self.grid, self.lead, self.scale = grid, lead, scale

    def forward(self, grid: tuple[int, int]) -> Tensor:
        """Return the vectors for a grid of patches, (1, lead + n, d), interpolated if it is another one."""
        table = self.resized(grid)
        return (table if self.scale == 1.0 else table * self.scale).unsqueeze(0)

    def resized(self, grid: tuple[int, int]) -> Tensor:
        """Return the table for another grid, (lead + n, d), by bicubic interpolation; rows in front stay.

        Args:
            grid: Number of patches from top to bottom and from left to right.
        """
        if tuple(grid) == tuple(self.grid):
            return self.weight
        d = self.weight.shape[1]
        front, patches = self.weight[: self.lead], self.weight[self.lead :]
        picture = patches.reshape([1, *self.grid, d]).transpose([0, 3, 1, 2])  # (1, d, rows, columns)
        picture = F.interpolate(picture, size=list(grid), mode="bicubic", align_corners=False)
        patches = picture.transpose([0, 2, 3, 1]).reshape([-1, d])  # (n, d)
        return paddle.concat([front, patches]) if self.lead else patches

    def resize(self, grid: tuple[int, int]) -> None:
        """Become the table of another grid, by bicubic interpolation.

        Args:
            grid: Number of patches from top to bottom and from left to right.
        """
        if tuple(grid) == tuple(self.grid):
            return
        with paddle.no_grad():
            table = self.resized(grid)
        new = self.create_parameter(table.shape, dtype=self.weight.dtype)
        new.set_value(table)
        new.stop_gradient = self.weight.stop_gradient
        self.weight, self.grid = new, grid
