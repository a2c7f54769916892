"""Losses over tokens and sequences, in float32 whatever the model's dtype."""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ..errors import InputError
from ..nn.sizes import sizes
from .inputs import check_labels

# Label of a place that takes no part in the loss.
IGNORED = -100


def token_loss(logits: Tensor, labels: Tensor, ignored: int = IGNORED) -> Tensor:
    """Mean cross entropy of each place against the label of the same place.

    Args:
        logits: (b, n, v).
        labels: (b, n).
        ignored: Label of places that are left out.

    Raises:
        InputError: If the shapes differ, or a label is no token.
    """
    check_labels(labels, logits)
    return class_loss(logits, labels, ignored)


def next_token_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """Mean cross entropy of each place against the label of the next place.

    Args:
        logits: (b, n, v).
        labels: (b, n), not shifted; -100 is left out.

    Raises:
        InputError: If the shapes differ, or a label is no token.
    """
    check_labels(labels, logits)
    # Shift the labels rather than the logits: they are smaller.
    return token_loss(logits, shifted(labels))


def shifted(labels: Tensor) -> Tensor:
    """Give each place the label of the next, and the last one none: (b, n).

    Args:
        labels: (b, n).
    """
    nothing = paddle.full([sizes(labels)[0], 1], IGNORED, dtype=labels.dtype)
    return paddle.concat([labels[:, 1:], nothing], axis=1)


def number_loss(numbers: Tensor, labels: Tensor) -> Tensor:
    """Mean squared error of the number of each place.

    Args:
        numbers: (b, n).
        labels: (b, n), not shifted: integers, -100 where there is none, or floats, nan where there is none.

    Raises:
        InputError: If the shapes differ.
    """
    if list(labels.shape) != list(numbers.shape):
        raise InputError(
            f"labels has shape {list(labels.shape)}, but must have that of the numbers, {list(numbers.shape)}"
        )
    known = ~labels.isnan() if labels.is_floating_point() else labels != IGNORED
    targets = paddle.where(known, labels.astype("float32"), paddle.zeros([1]))
    errors = (numbers.astype("float32") - targets) * known.astype("float32")
    return (errors * errors).sum() / known.astype("float32").sum().clip(min=1)


def class_loss(logits: Tensor, labels: Tensor, ignored: int = IGNORED) -> Tensor:
    """Mean cross entropy over all places whose label is a class.

    Args:
        logits: (..., c).
        labels: Class of each place, (...).
        ignored: Label of places that are left out.

    Raises:
        InputError: If a label is no class.
    """
    try:
        losses = F.cross_entropy(logits.astype("float32"), labels, ignore_index=ignored, reduction="none")
    except (ValueError, IndexError) as error:
        raise InputError(
            f"labels holds a number that is no class: allowed is 0 to {logits.shape[-1] - 1}, and "
            f"{ignored} for places that take no part"
        ) from error
    # Paddle's own mean also counts the places left out, where ignore_index is negative.
    return losses.sum() / (labels != ignored).astype("float32").sum().clip(min=1)
