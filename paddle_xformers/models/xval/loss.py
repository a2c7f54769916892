"""The loss of tokens and numbers together (2310.02989), in float32 whatever the model's dtype."""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...nn.sizes import sizes
from ..losses import IGNORED, next_token_loss


def shifted(x: Tensor, last: float) -> Tensor:
    """Move each row one place to the left, (b, n), with `last` at its end."""
    return paddle.concat([x[:, 1:], paddle.full([sizes(x)[0], 1], last, dtype=x.dtype)], axis=1)


def number_loss(numbers: Tensor, labels: Tensor, number_labels: Tensor | None, numerical_token_id: int) -> Tensor:
    """Squared error of predicted numbers, over all places that have a label: those of other tokens count as 0.

    Args:
        numbers: Predictions, (b, n).
        labels: Target ids, (b, n), not shifted; -100 is left out.
        number_labels: Target numbers, likewise; those at other tokens than numbers have no effect. None: ones.
        numerical_token_id: Id of the token for numbers.
    """
    targets = shifted(labels, IGNORED)
    wanted = paddle.ones_like(numbers) if number_labels is None else shifted(number_labels, 1.0)
    zero = paddle.zeros([1], dtype="float32")
    is_number = targets == numerical_token_id
    # What is no number is taken out before the difference: nan would spread through its gradient.
    wanted = paddle.where(is_number, wanted.astype("float32"), zero)
    errors = F.mse_loss(paddle.where(is_number, numbers.astype("float32"), zero), wanted, reduction="none")
    return errors.sum() / (targets != IGNORED).astype("float32").sum().clip(min=1)


def token_and_number_losses(
    logits: Tensor, numbers: Tensor, labels: Tensor, number_labels: Tensor | None, numerical_token_id: int
) -> tuple[Tensor, Tensor]:
    """Return the mean cross entropy of the next tokens, and the squared error of the numbers among them.

    Both are means over the places that have a label, so that their sum is the mean of a place's loss.

    Args:
        logits: (b, n, v).
        numbers: Predicted numbers, (b, n).
        labels: Target ids, (b, n), not shifted; -100 is left out.
        number_labels: Target numbers, likewise, or None for ones.
        numerical_token_id: Id of the token for numbers.

    Raises:
        InputError: If the shapes differ, or a label is no token.
    """
    return next_token_loss(logits, labels), number_loss(numbers, labels, number_labels, numerical_token_id)
