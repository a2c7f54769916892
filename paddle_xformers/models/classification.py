"""Losses of one prediction for a whole sequence: one class, several classes, numbers."""

from __future__ import annotations

from paddle import Tensor
from paddle.nn import functional as F

from .inputs import check_targets
from .losses import class_loss

REGRESSION, SINGLE, MULTI = "regression", "single_label_classification", "multi_label_classification"


def problem_of(labels: Tensor, num_labels: int, problem_type: str | None) -> str:
    """Tell what kind of problem labels belong to.

    Args:
        labels: (b), (b, 1) or (b, num_labels).
        num_labels: Number of outputs.
        problem_type: What the configuration says; None: one output is regression, integer labels of one class for
            each row are classes, and one label for each output is multi-label classification.
    """
    if problem_type is not None:
        return problem_type
    if num_labels == 1:
        return REGRESSION
    if labels.is_floating_point() or list(labels.shape[1:]) == [num_labels]:
        return MULTI
    return SINGLE


def sequence_loss(logits: Tensor, labels: Tensor, problem_type: str | None = None) -> Tensor:
    """Mean loss of one prediction for each row of a batch.

    Args:
        logits: (b, num_labels).
        labels: Single label: the class of each row, (b) or (b, 1), integers; -100 is left out. Multi label: 0 or 1 for
            each class, (b, num_labels). Regression: numbers, (b, num_labels), or (b) for one output.
        problem_type: "single_label_classification" (cross entropy), "multi_label_classification" (binary cross entropy
            of each class), "regression" (squared error), or None to tell it as `problem_of` does.

    Raises:
        InputError: If the labels' shape or type does not go with the problem, or a label is no class.
    """
    problem = problem_of(labels, logits.shape[-1], problem_type)
    labels = check_targets(labels, logits, problem, one_class=problem == SINGLE)
    logits = logits.astype("float32")
    if problem == SINGLE:
        return class_loss(logits, labels)
    if problem == MULTI:
        return F.binary_cross_entropy_with_logits(logits, labels.astype("float32"))
    difference = logits - labels.astype("float32")
    return (difference * difference).mean()
