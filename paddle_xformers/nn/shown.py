"""What of a call the caller sees: what belongs to tokens, and not what stands in front of them or between them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from paddle import Tensor

from .picking import picked


@dataclass(frozen=True)
class Shown:
    """Picks what belongs to tokens; with nothing between them it is what stands last.

    Args:
        lead: Number of places in front of the first new token.
        keys: Number of past and new tokens.
        own: Place of each new token, (b or 1, n), where something stands between them, else None.
        all: Place of each past and new token among all keys, (b or 1, keys), likewise.
    """

    lead: int
    keys: Any
    own: Tensor | None = None
    all: Tensor | None = None

    def rows(self, x: Tensor, axis: int = 1) -> Tensor:
        """Pick the new tokens along an axis, 1 or 2, of what the stack made of everything new."""
        if self.own is not None:
            return picked(x, self.own, axis)
        if not self.lead:
            return x
        return x[:, self.lead :] if axis == 1 else x[:, :, self.lead :]

    def square(self, weights: Tensor) -> Tensor:
        """Pick new tokens as queries and all tokens as keys, of (b, h, n, m)."""
        rows = self.rows(weights, 2)
        return rows[..., -self.keys :] if self.all is None else picked(rows, self.all, 3)
