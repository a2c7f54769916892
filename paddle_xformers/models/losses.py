"""Losses over tokens and sequences, in float32 whatever the model's dtype."""

from __future__ import annotations

from collections.abc import Sequence

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ..config.options import RoundsOptions
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
    losses = each_loss(logits, labels, ignored)
    # Paddle's own mean also counts the places left out, where ignore_index is negative.
    return losses.sum() / (labels != ignored).astype("float32").sum().clip(min=1)


def each_loss(logits: Tensor, labels: Tensor, ignored: int = IGNORED) -> Tensor:
    """Cross entropy of each place, of the shape of the labels; 0 where it takes no part.

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
    return losses.reshape(sizes(labels))


def loss_of_loops(logits: Sequence[Tensor], targets: Tensor, exit_logits: Tensor, options: RoundsOptions) -> Tensor:
    """Loss of a looped language model (2510.25741): that of each loop by how likely it is the last, and of the gate.

    The gate learns to stop a token where the next loop would hardly make its loss smaller.

    Args:
        logits: Logits after each loop, (b, n, v).
        targets: The token to predict at each place, (b, n); -100 is left out.
        exit_logits: The gate after each loop, (b, n, loops).
        options: The fields of the loss.

    Raises:
        InputError: If the shapes differ, or a label is no token.
    """
    check_labels(targets, logits[0])
    losses = paddle.stack([each_loss(each, targets) for each in logits], axis=-1)  # (b, n, loops)
    known = (targets != IGNORED).astype("float32").unsqueeze(-1)  # (b, n, 1)
    places, loops = known.sum().clip(min=1), len(logits)
    gates = exit_logits.astype("float32")
    stops, goes = F.log_sigmoid(gates), F.log_sigmoid(-gates)  # (b, n, loops)
    before = goes.cumsum(axis=-1) - goes  # of having gone on so far
    last = paddle.zeros_like(stops[..., :1])  # whoever is still there stops
    shares = (before + paddle.concat([stops[..., :-1], last], axis=-1)).exp().detach()
    total = (losses * shares * known).sum() / (places * loops)
    if loops == 1:
        return total
    gained = (losses[..., 1:] - losses[..., :-1]).detach()
    wanted = F.sigmoid(options.looped_loss_slope * (gained + options.looped_loss_threshold_exit))
    errors = F.binary_cross_entropy_with_logits(gates[..., :-1], wanted, reduction="none")
    return total + options.looped_exit_loss_weight * (errors * known).sum() / (places * (loops - 1))
