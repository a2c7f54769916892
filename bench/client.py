"""The runner's end of a worker: starts the process, asks, and says what happened when it does not answer."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO, Any, cast

ROOT = Path(__file__).resolve().parent.parent
STDERR_LINES = 8

# A system is measured as its users get it, so the settings of this shell must not reach it.
_TUNING = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_DEBUG_CPU_TYPE")


class WorkerError(Exception):
    """A worker died, was silent for too long, or reported that a repetition failed."""


class Worker:
    """One system in its own process.

    Args:
        system: Name of the system.
        size: Name of the size.
        timeout: Seconds to wait for any one answer.
    """

    def __init__(self, system: str, size: str, timeout: float) -> None:
        """Start the process; `facts` then waits until its system is built."""
        self.system = system
        self.timeout = timeout
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the worker
        self._process = subprocess.Popen(
            [sys.executable, "-m", "bench.worker", "--system", system, "--size", size],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            bufsize=0,  # a request that cannot be delivered must fail at once, not when the pipe is closed
            cwd=ROOT,
            env={key: value for key, value in os.environ.items() if key not in _TUNING},
        )
        self._requests = cast(IO[bytes], self._process.stdin)
        self._answers = cast(IO[bytes], self._process.stdout)

    def facts(self) -> dict[str, Any]:
        """Returns the first answer: whether the system was built, its parameters and versions.

        Raises:
            WorkerError: The worker did not answer.
        """
        return self._answer()

    def repeat(self, task: str) -> dict[str, Any]:
        """Let the worker run one repetition.

        Args:
            task: One of `bench.workload.TASKS`.

        Returns:
            Its seconds, checksum and peak memory.

        Raises:
            WorkerError: The worker did not answer, or the repetition failed.
        """
        try:
            self._requests.write(json.dumps({"task": task}).encode() + b"\n")
            self._requests.flush()
        except OSError as error:
            raise WorkerError(self._obituary()) from error
        answer = self._answer()
        if "error" in answer:
            tail = "\n".join(answer["detail"].strip().splitlines()[-STDERR_LINES:])
            raise WorkerError(f"{answer['error']}\n{tail}")
        return answer

    def close(self) -> None:
        """End the process and wait for it."""
        self._requests.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._answers.close()
        self._stderr.close()

    def stderr_tail(self) -> str:
        """Returns the last lines that the process wrote to stderr."""
        self._stderr.seek(0)
        lines = self._stderr.read().decode(errors="replace").strip().splitlines()
        return "\n".join(lines[-STDERR_LINES:])

    def _answer(self) -> dict[str, Any]:
        ready, _, _ = select.select([self._answers], [], [], self.timeout)
        if not ready:
            self._process.kill()
            raise WorkerError(f"no answer within {self.timeout:g} s; the worker was ended.\n{self.stderr_tail()}")
        line = self._answers.readline()
        if not line:
            raise WorkerError(self._obituary())
        return json.loads(line)

    def _obituary(self) -> str:
        code = self._process.wait(timeout=10)
        return f"the worker ended with code {code}.\n{self.stderr_tail()}".strip()
