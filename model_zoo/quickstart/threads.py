"""How many threads a training step should use: measured, since cores are often shared with others."""

from __future__ import annotations

import os
import time
from typing import Any

import numpy as np

from paddle_xformers import tune_cpu
from paddle_xformers._compat import import_paddle

paddle = import_paddle()
REPETITIONS = 4


def choose_threads(model: Any, plan: Any) -> int:
    """Time a few steps with all cores and with one, and keep the faster.

    A product of small matrices is split among threads that then wait for the slowest of them: on cores that other
    programs use too, one thread can be twice as fast as two.

    Args:
        model: The model; its weights stay as they are.
        plan: Its sizes.

    Returns:
        The number of threads in use from now on.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    ids = paddle.to_tensor(np.full((plan.batch, plan.window), model.config.eos_token_id, dtype=np.int64))
    times = {}
    for threads in sorted({cores, 1}, reverse=True):
        tune_cpu(threads)
        _step(model, ids)  # the first makes buffers
        started = time.perf_counter()
        for _ in range(REPETITIONS):
            _step(model, ids)
        times[threads] = time.perf_counter() - started
    fastest = min(times, key=lambda threads: times[threads])
    tune_cpu(fastest)
    return fastest


def _step(model: Any, ids: Any) -> None:
    model(input_ids=ids, labels=ids, return_dict=True).loss.backward()
    model.clear_gradients()
