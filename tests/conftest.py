"""What every test stands on: one thread per worker, no network, fixed seeds, fresh parameter names."""

from __future__ import annotations

import collections
import gc
import os
import random
import socket
from collections.abc import Iterator
from typing import Any

if "PYTEST_XDIST_WORKER" in os.environ:  # before anything starts a thread pool
    os.environ["OMP_NUM_THREADS"] = "1"
for _variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
    os.environ[_variable] = "1"

import numpy as np
import pytest

from paddle_xformers._compat import import_paddle

paddle = import_paddle()

SEED = 20260


@pytest.fixture(autouse=True)
def fixed_seeds() -> None:
    """Start each test from the same random numbers, whatever ran before it."""
    random.seed(SEED)
    np.random.seed(SEED)
    paddle.seed(SEED)


@pytest.fixture(autouse=True)
def fresh_parameter_names() -> Iterator[None]:
    """Count parameter names from zero: resuming an optimizer in one process needs equal names."""
    with paddle.utils.unique_name.guard():
        yield


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Block connections that leave this machine; fail the test that tried, even if it caught the error."""
    attempts: list[str] = []

    def guarded(connect: Any) -> Any:
        def checked(self: socket.socket, address: Any) -> Any:
            if not _is_local(self, address):
                attempts.append(str(address))
                raise OSError(f"tests have no network: connection to {address} refused")
            return connect(self, address)

        return checked

    monkeypatch.setattr(socket.socket, "connect", guarded(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guarded(socket.socket.connect_ex))
    yield
    assert not attempts, f"the test tried to reach {attempts}"


def _is_local(connection: socket.socket, address: Any) -> bool:
    if connection.family not in (socket.AF_INET, socket.AF_INET6):
        return True
    host = str(address[0])
    return host in ("localhost", "::1") or host.startswith("127.")


def pytest_collection_finish() -> None:
    """Take modules and tests out of the garbage collector's sight: PaddleNLP runs it for every shard that it loads."""
    gc.collect()
    gc.freeze()


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Print how many random configurations ran and how many were refused (tests/combinations/)."""
    found: collections.Counter[str] = collections.Counter()
    for report in terminalreporter.stats.get("passed", []) + terminalreporter.stats.get("failed", []):
        if report.when == "call" and "tests/combinations/" in report.nodeid:
            found.update({name: int(count) for name, count in report.user_properties})
    if found:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(found.items()))
        terminalreporter.write_line(f"random configurations: {sum(found.values())} drawn; {counts}")
