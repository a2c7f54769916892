"""Row and column arithmetic on the CPU, written as matrix products.

Paddle's CPU kernels broadcast and reduce one element at a time: adding a column to a matrix of a million
elements takes 7 ms and summing its rows 6 ms, where a product with ones takes a tenth of a millisecond each.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
from paddle import Tensor


def on_cpu(x: Tensor) -> bool:
    """Whether `x` is a tensor of the dynamic mode on the CPU; while a graph is traced nobody can tell."""
    return bool(paddle.in_dynamic_mode() and x.place.is_cpu_place())


def wants_cpu_gradient(x: Tensor) -> bool:
    """Whether `x` is part of a dynamic graph on the CPU, where our own backward functions pay off."""
    return bool(paddle.is_grad_enabled()) and on_cpu(x)


def column_sums(rows: Tensor) -> Tensor:
    """Sum (r, d) over its rows: (d)."""
    return paddle.matmul(paddle.ones([1, rows.shape[0]], rows.dtype), rows).reshape([-1])


def row_means(rows: Tensor) -> Tensor:
    """Mean of each row of (r, d): (r, 1)."""
    d = rows.shape[1]
    return paddle.matmul(rows, paddle.full([d, 1], 1 / d, rows.dtype))


def spread_column(column: Tensor, d: int) -> Tensor:
    """Write a column (r, 1) out to (r, d)."""
    return paddle.matmul(column, paddle.ones([1, d], column.dtype))


def spread_row(row: Tensor, r: int) -> Tensor:
    """Write a vector (d) out to r rows: (r, d)."""
    return paddle.matmul(paddle.ones([r, 1], row.dtype), row.reshape([1, -1]))


def save(ctx: Any, *tensors: Tensor) -> None:
    """Keep tensors for the backward of a PyLayer, views of others as copies: recompute would lose their strides.

    Args:
        ctx: The context of the PyLayer.
        *tensors: What its backward reads.
    """
    ctx.save_for_backward(*(tensor.contiguous() for tensor in tensors))


def remember_needs(ctx: Any, *inputs: Tensor | None) -> None:
    """Note in the forward of a PyLayer which of its tensors want a gradient: frozen parameters do not.

    Args:
        ctx: The context of the PyLayer.
        *inputs: Its tensors, in order.
    """
    ctx.needs = [not tensor.stop_gradient for tensor in inputs if tensor is not None]


def needed(ctx: Any, *gradients: Callable[[], Tensor]) -> tuple[Tensor | None, ...]:
    """Compute, in the backward of a PyLayer, the gradients that are wanted, and give None for the others.

    Args:
        ctx: The context of the PyLayer.
        *gradients: What computes the gradient of each of its tensors, in order.
    """
    return tuple(compute() if wanted else None for compute, wanted in zip(gradients, ctx.needs, strict=True))
