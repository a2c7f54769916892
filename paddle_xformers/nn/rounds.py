"""Several runs of a stack in one forward, each with a cache and mems of its own: recycling and looping.

The cache of several runs is that of one with the entries of all runs one after the other, `((positions,), entries of
the first run, entries of the second, ...)`, and mems likewise, so that each run finds what it left.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import paddle
from paddle import Tensor

from .calls import StackCall, StackOutput


def drawn_count(most: int) -> int:
    """Draw a number of runs from 1 to `most`, each as likely, without asking the device.

    The draw is from Paddle's generator for the CPU, which paddle.seed starts whatever the device is.

    Args:
        most: The greatest number.
    """
    return 1 + int(paddle.framework.core.default_cpu_generator().random() % most)


def run_rounds(
    stack: Callable[[Tensor, Tensor, StackCall], StackOutput],
    x: Tensor,
    tokens: Tensor,
    call: StackCall,
    begin: Callable[[Tensor, Tensor], Tensor],
    *,
    last_learns: bool,
) -> tuple[StackOutput, list[Tensor]]:
    """Run a stack several times.

    Args:
        stack: The stack.
        x: Memory tokens and embedded new tokens, (b, n, d).
        tokens: Positions of the new tokens, (b or 1, n - lead).
        call: What is asked; hidden states and attention weights are those of the last run.
        begin: From x and what the run before gave to what the next begins with, (b, n, d) each.
        last_learns: Whether only the last run has gradients.

    Returns:
        The output of the last run with the cache and mems of all, and what each run gave, (b, n, d).
    """
    caches, mems = _parts(call.cache, call.rounds), _parts(call.mems, call.rounds)
    before = dataclasses.replace(
        call, output_attentions=False, output_hidden_states=False, log_probs=False, intermediates=False
    )
    outputs: list[StackOutput] = []
    start = x
    for cache, mem in zip(caches[:-1], mems[:-1], strict=True):
        with paddle.set_grad_enabled(paddle.is_grad_enabled() and not last_learns):
            outputs.append(stack(start, tokens, dataclasses.replace(before, cache=cache, mems=mem)))
        start = begin(x, outputs[-1].hidden)
    last = stack(start, tokens, dataclasses.replace(call, cache=caches[-1], mems=mems[-1]))
    outputs.append(last)
    last.cache = _joined([output.cache for output in outputs])
    last.mems = _joined([output.mems for output in outputs])
    return last, [output.hidden for output in outputs]


def _parts(whole: tuple[Any, ...] | None, count: int) -> list[tuple[Any, ...] | None]:
    """What belongs to each run: the first element is of all, the rest stands run by run."""
    if whole is None:
        return [None] * count
    each = (len(whole) - 1) // count
    return [(whole[0], *whole[1 + at * each : 1 + (at + 1) * each]) for at in range(count)]


def _joined(parts: list[Any]) -> tuple[Any, ...] | None:
    """Put together what belongs to each run."""
    if parts[0] is None:
        return None
    return (parts[0][0], *(entry for part in parts for entry in part[1:]))


def exit_steps(exit_logits: Tensor, threshold: float) -> Tensor:
    """Return which loop each token stops after: 1.0 at it and 0.0 at the others, (b, n, loops).

    Args:
        exit_logits: The gate after each loop, (b, n, loops).
        threshold: Probability of having stopped from which on a token has; after the last loop all have.
    """
    going_on = paddle.nn.functional.sigmoid(-exit_logits.astype("float32")).cumprod(dim=-1)
    stopped = (1 - going_on >= threshold).astype("int64")
    stopped = paddle.concat([stopped[..., :-1], paddle.ones_like(stopped[..., :1])], axis=-1)
    return (stopped.cumsum(axis=-1).cumsum(axis=-1) == 1).astype("float32")
