"""How many threads a training step should use: measured, since cores are often shared with others."""

from __future__ import annotations

import os
import time
from collections.abc import Callable

from paddle_xformers import tune_cpu

REPETITIONS = 4


def fastest(step: Callable[[], None]) -> int:
    """Time a few steps with all cores and with one, and keep the faster.

    A product of small matrices is split among threads that then wait for the slowest of them: on cores that other
    programs use too, one thread can be twice as fast as two.

    Args:
        step: Does the work of one step and leaves everything as it was.

    Returns:
        The number of threads in use from now on.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    times = {}
    for threads in sorted({cores, 1}, reverse=True):
        tune_cpu(threads)
        step()  # the first makes buffers
        started = time.perf_counter()
        for _ in range(REPETITIONS):
            step()
        times[threads] = time.perf_counter() - started
    chosen = min(times, key=lambda threads: times[threads])
    tune_cpu(chosen)
    return chosen
