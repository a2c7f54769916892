"""One system in one process: reads requests and writes answers, a JSON object a line.

The first line written says whether the system could be built. Then a request `{"task": "forward"}` is
answered by `{"seconds": ..., "cpu_seconds": ..., "checksum": ..., "peak_memory_mb": ...}` or by
`{"error": ..., "detail": ...}`; the end of the input ends the process.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import sys
import time
import traceback
from typing import Any, TextIO

from bench.systems import SYSTEMS, build
from bench.systems.base import System
from bench.workload import SIZES
from paddle_xformers.errors import DependencyError


def private_stdout() -> TextIO:
    """Keep stdout for answers: whatever a library prints goes to stderr from now on."""
    answers = os.fdopen(os.dup(1), "w", buffering=1)
    os.dup2(2, 1)
    return answers


def describe(system: System) -> dict[str, Any]:
    """Returns the facts about a built system that the report prints."""
    return {
        "status": "ok",
        "parameters": system.parameter_count(),
        "versions": system.versions(),
    }


def start(name: str, size: str) -> tuple[System | None, dict[str, Any]]:
    """Returns the system, or None, and the first answer."""
    try:
        system = build(name, SIZES[size])
        return system, describe(system)
    except Exception as error:
        traceback.print_exc()
        status = "not installed" if is_missing_package(error) else "failed"
        return None, {"status": status, "message": one_line(error)}


def is_missing_package(error: Exception) -> bool:
    """Returns whether a package must be installed; a wrong name in our own code is another matter."""
    if isinstance(error, ModuleNotFoundError):
        return (error.name or "").split(".")[0] not in ("bench", "paddle_xformers")
    return isinstance(error, DependencyError)


def repeat(system: System, task: str) -> dict[str, Any]:
    """Run one repetition and time it. Returns the answer."""
    try:
        cpu_begin, begin = time.process_time(), time.perf_counter()
        checksum = system.run(task)
        seconds, cpu_seconds = time.perf_counter() - begin, time.process_time() - cpu_begin
        if not math.isfinite(checksum):
            raise ValueError(f"{task} gave {checksum}, which is not a finite number.")
    except Exception as error:
        return {"error": one_line(error), "detail": traceback.format_exc()}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"seconds": seconds, "cpu_seconds": cpu_seconds, "checksum": checksum, "peak_memory_mb": peak}


def one_line(error: BaseException) -> str:
    """Returns the kind of an error and the first line of its message."""
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0] if text else ''}"


def main() -> int:
    """Serve requests until the input ends."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--system", required=True, choices=SYSTEMS)
    parser.add_argument("--size", required=True, choices=SIZES)
    arguments = parser.parse_args()

    answers = private_stdout()
    system, first = start(arguments.system, arguments.size)
    print(json.dumps(first), file=answers, flush=True)
    if system is None:
        return 1
    for line in sys.stdin:
        print(json.dumps(repeat(system, json.loads(line)["task"])), file=answers, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
