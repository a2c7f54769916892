"""What changes gradients and no numbers."""

from __future__ import annotations

from paddle import Tensor


def with_less_gradient(x: Tensor, share: float) -> Tensor:
    """Return `x`, through which only a share of its gradient flows back (CogView, 2105.13290).

    Args:
        x: Any tensor.
        share: Above 0 and at most 1.
    """
    return x if share == 1 else x * share + x.detach() * (1 - share)
