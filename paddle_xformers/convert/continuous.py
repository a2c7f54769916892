"""What x-transformers 2.31 has in `ContinuousTransformerWrapper` only: projections of the input and to the output."""

from __future__ import annotations

import numpy as np

from ..errors import CheckpointError
from .table import Place, Rule
from .transforms import transposed


def means(array: np.ndarray, place: Place) -> np.ndarray:
    """The rows of the means, every other one: weight (2v, d) to (d, v), or bias (2v) to (v)."""
    return _every_other(array, place, 0)


def log_variances(array: np.ndarray, place: Place) -> np.ndarray:
    """The rows of the logarithms of variances, behind each mean: weight (2v, d) to (d, v), or bias (2v) to (v)."""
    return _every_other(array, place, 1)


def _every_other(array: np.ndarray, place: Place, first: int) -> np.ndarray:
    if array.shape[0] % 2:
        raise CheckpointError(
            f"{place.source} has shape {list(array.shape)}, but with probabilistic=True a mean and a variance for each "
            "number, so that its first axis must be even; set probabilistic=False"
        )
    return array[first::2].T


def continuous_rules(*, probabilistic: bool) -> tuple[Rule, ...]:
    """Return the lines of the table for models over vectors, beside those of the stack.

    Args:
        probabilistic: Whether the projection to the output holds variances beside the means.
    """
    project_in = Rule("project_in.{part}", "{base}.embeddings.input_proj.{part}", transposed)
    if not probabilistic:
        return project_in, Rule("project_out.{part}", "head.mean.{part}", transposed)
    return (
        project_in,
        Rule("project_out.{part}", "head.mean.{part}", means),
        Rule("project_out.{part}", "head.log_variance.{part}", log_variances),
    )
