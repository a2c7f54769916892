"""Where one training step goes: the time of each operator, forward, backward and in the optimizer."""

from __future__ import annotations

import argparse
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script sees only its own folder

from bench.systems import SYSTEMS, build
from bench.workload import SIZES

PHASES = ("Forward", "Backward", "Optimization")
WARMUP = 2
ON_PADDLE = [name for name, spec in SYSTEMS.items() if spec.module != "xtransformers"]

# "matmul dygraph", "Global_MatmulGradNode", "Global_GradNodePyLayer__BlockwiseCausal" undecorated.
_DECORATION = re.compile(r" dygraph$|^Global_(GradNode(PyLayer_+)?)?|GradNode$")

Totals = dict[tuple[str, str], tuple[int, float]]


def main() -> int:
    """Profile and print. Returns 0."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument("--system", choices=ON_PADDLE, default="ours", help="what to profile")
    parser.add_argument("--size", choices=SIZES, default="full", help="model and batch")
    parser.add_argument("--rows", type=int, default=25, help="operators listed, the slowest first")
    arguments = parser.parse_args()

    system = build(arguments.system, SIZES[arguments.size])
    for _ in range(WARMUP):
        system.run("train_step")
    print(table(profile(system), arguments.rows))
    return 0


def profile(system: Any) -> Totals:
    """Returns calls and milliseconds of one training step, as `totals` does."""
    from paddle.profiler import Profiler, ProfilerTarget

    # Without a handler of its own the profiler writes a trace folder into the current directory.
    profiler = Profiler(targets=[ProfilerTarget.CPU], on_trace_ready=lambda _profiler: None)
    profiler.start()
    system.run("train_step")
    profiler.stop()
    threads = profiler.profiler_result.get_data()  # the events die with the profiler: add up before returning
    return totals(max(threads.values(), key=lambda root: sum(1 for _ in phases(root))))


def totals(root: Any) -> Totals:
    """Add up the outermost operators of each phase.

    Args:
        root: The tree of events.

    Returns:
        Calls and milliseconds by (phase, operator); what no operator accounts for is "(outside operators)".
    """
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0])
    for phase in phases(root):
        kind = phase.type.name
        rest = milliseconds(phase)
        for event in operators(phase):
            entry = sums[kind, _DECORATION.sub("", event.name)]
            entry[0] += 1
            entry[1] += milliseconds(event)
            rest -= milliseconds(event)
        sums[kind, "(outside operators)"][1] += rest
    return {key: (int(calls), spent) for key, (calls, spent) in sums.items()}


def phases(event: Any) -> Iterator[Any]:
    """Yields the outermost forward, backward and optimizer events below an event."""
    for child in event.children_node:
        if child.type.name in PHASES:
            yield child
        else:
            yield from phases(child)


def operators(event: Any) -> Iterator[Any]:
    """Yields the outermost operators below an event; those that run inside another one belong to it."""
    for child in event.children_node:
        if child.type.name == "Operator":
            yield child
        else:
            yield from operators(child)


def milliseconds(event: Any) -> float:
    """Returns how long an event took."""
    return (event.end_ns - event.start_ns) / 1e6


def table(sums: Totals, rows: int) -> str:
    """Returns the slowest operators as a Markdown table, with a last row for the whole step."""
    whole = sum(spent for _, spent in sums.values())
    slowest = sorted(sums.items(), key=lambda item: -item[1][1])[:rows]
    lines = ["| phase | operator | calls | ms | share |", "| --- | --- | --- | --- | --- |"]
    lines += [
        f"| {phase.lower()} | {name} | {calls or ''} | {spent:.1f} | {spent / whole:.1%} |"
        for (phase, name), (calls, spent) in slowest
    ]
    return "\n".join([*lines, f"| all | | | {whole:.1f} | 100% |"])


if __name__ == "__main__":
    sys.exit(main())
