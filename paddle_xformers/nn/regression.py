"""From hidden states to vectors, and how far these are from others; in float32 whatever the model's dtype."""

from __future__ import annotations

import math

import paddle
from paddle import Tensor, nn

from ..config.options import ContinuousOptions
from .linear import Linear

# The least variance a loss reckons with, that of torch's Gaussian loss; smaller ones would make it infinite.
LEAST_VARIANCE = 1e-6


class RegressionHead(nn.Layer):
    """Linears from hidden states to the mean of each number and, if asked for, to the logarithm of its variance.

    Args:
        dim: Width of the hidden states.
        dim_out: Width of the vectors.
        bias: Whether the linears have a bias.
        probabilistic: Whether there is a variance.
    """

    def __init__(self, dim: int, dim_out: int, *, bias: bool, probabilistic: bool) -> None:
        super().__init__()
        self.mean = Linear(dim, dim_out, bias=bias)
        self.log_variance = Linear(dim, dim_out, bias=bias) if probabilistic else None

    def forward(self, hidden: Tensor) -> tuple[Tensor, Tensor | None]:
        """Map (b, n, d) to means and logarithms of variances, (b, n, dim_out) each, or the means and None."""
        return self.mean(hidden), None if self.log_variance is None else self.log_variance(hidden)


def regression_loss(
    means: Tensor,
    log_variances: Tensor | None,
    labels: Tensor,
    options: ContinuousOptions,
    keep: Tensor | None = None,
) -> Tensor:
    """Mean loss of the numbers that have a label.

    Args:
        means: (b, n, dim_out).
        log_variances: Likewise; None: mean squared or absolute error.
        labels: Likewise; nan has no part in the loss.
        options: Which loss it is.
        keep: Places that have part in it, (b, n), boolean; None: all.
    """
    known = paddle.logical_not(paddle.isnan(labels))
    if keep is not None:
        known = paddle.logical_and(known, keep.unsqueeze(-1))
    zero = paddle.zeros([1], dtype="float32")
    error = means.astype("float32") - paddle.where(known, labels.astype("float32"), zero)
    if log_variances is not None:
        losses = gaussian_nll(error, log_variances.astype("float32"))
    else:
        losses = error.abs() if options.regression_loss == "l1" else error * error
    losses, counts = paddle.where(known, losses, zero), known.astype("float32")  # (b, n, dim_out)
    if options.equal_loss_weight_batch:
        losses, counts = losses.sum(axis=[1, 2]), counts.sum(axis=[1, 2])  # (b)
        losses, counts = losses / counts.clip(min=1), (counts > 0).astype("float32")
    return losses.sum() / counts.sum().clip(min=1)


def gaussian_nll(error: Tensor, log_variance: Tensor) -> Tensor:
    """Negative log likelihood under a normal distribution, up to a constant (Nix and Weigend 1994).

    Args:
        error: Distance from the mean, of any shape.
        log_variance: Logarithm of the variance, likewise. One below that of `LEAST_VARIANCE` counts as this, but
            keeps its gradient, so that it can grow again.
    """
    short = (math.log(LEAST_VARIANCE) - log_variance).clip(min=0).detach()
    log_variance = log_variance + short
    return 0.5 * (log_variance + error * error * paddle.exp(-log_variance))
