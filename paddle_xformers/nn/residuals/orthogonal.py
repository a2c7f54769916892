"""Orthogonal residual updates (2505.11881): of the branch, only what is orthogonal to the residual is added."""

from __future__ import annotations

from paddle import Tensor

from .single import PlainConnection

EPSILON = 1e-6  # of the paper


class OrthogonalConnection(PlainConnection):
    """Residual plus the part of the branch output that stands orthogonal on it, token by token.

    x-transformers 2.31 projects on all tokens of a row at once, so that later tokens would change earlier ones.

    Args:
        dim: Width of the stream.
        options: The residual fields.
    """

    def merge(self, residual: Tensor, output: Tensor) -> Tensor:
        """Add what is new: both (b, n, d)."""
        along, branch = residual.astype("float32"), output.astype("float32")
        share = (branch * along).sum(axis=-1, keepdim=True) / ((along * along).sum(axis=-1, keepdim=True) + EPSILON)
        return residual + (branch - share * along).astype(residual.dtype)
