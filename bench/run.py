"""Compare paddle_xformers with its peers: one repetition of each system in turn, round after round.

Only one system computes at a time. Writes bench/results/latest.md, latest.json and latest.png.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # a script sees only its own folder

from tqdm import tqdm

from bench import files, machine, report
from bench.client import Worker, WorkerError
from bench.systems import BY_DEFAULT, SYSTEMS
from bench.workload import SIZES, TASKS

# Idle thread pools spin for up to 0.2 s after their last product, on the cores that the next system needs.
SETTLE_SECONDS = 0.3


def main() -> int:
    """Run the benchmark from the command line. Returns 1 when any system failed."""
    arguments = parse_arguments()
    results: dict[str, Any] = {
        "machine": machine.facts(),
        "size": {"name": arguments.size, **asdict(SIZES[arguments.size])},
        "rounds": arguments.rounds,
        "tasks": arguments.tasks,
        "systems": {},
    }
    warn_if_busy(results["machine"])
    workers = start_all(arguments, results["systems"])
    try:
        measure(workers, results["systems"], arguments)
    finally:
        for worker in workers.values():
            worker.close()

    table = report.markdown(results)
    files.write_results(results, table)
    if arguments.write_readme:
        files.write_readme(table)
    print(table)
    return int(any(system["status"] == "failed" or system["errors"] for system in results["systems"].values()))


def parse_arguments() -> argparse.Namespace:
    """Returns the checked command line; lists hold known names only, in the order given."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.ArgumentDefaultsHelpFormatter)
    parser.add_argument(
        "--systems", type=names_of(SYSTEMS), default=",".join(BY_DEFAULT), help=f"of {','.join(SYSTEMS)}"
    )
    parser.add_argument("--tasks", type=names_of(TASKS), default=",".join(TASKS), help="comma-separated")
    parser.add_argument("--rounds", type=positive, default=7, help="repetitions that count, of each task")
    parser.add_argument("--warmup", type=positive, default=2, help="repetitions before them that do not count")
    parser.add_argument("--size", choices=SIZES, default="full", help="tiny only tests the benchmark itself")
    parser.add_argument("--timeout", type=float, default=600.0, help="seconds a worker may take for one answer")
    parser.add_argument("--write-readme", action="store_true", help="put the table into bench/README.md")
    return parser.parse_args()


def names_of(known: Iterable[str]) -> Any:
    """Returns an argparse type that splits a comma-separated list and refuses unknown names."""
    allowed = list(known)

    def parse(text: str) -> list[str]:
        names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
        unknown = [name for name in names if name not in allowed]
        if unknown or not names:
            raise argparse.ArgumentTypeError(f"{text!r} holds {unknown or 'no name'}; known are {','.join(allowed)}")
        return names

    return parse


def positive(text: str) -> int:
    """Returns `text` as a whole number of at least one."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is too small; give at least 1")
    return number


def warn_if_busy(computer: dict[str, Any]) -> None:
    """Say so when other programs use the machine: the ratios then compare their habits, not the systems."""
    if computer["load_before"] > computer["cores"] / 4:
        print(
            f"load {computer['load_before']} on {computer['cores']} cores before the run: "
            "other programs are at work, do not trust the figures; wait until they are done.",
            file=sys.stderr,
        )


def start_all(arguments: argparse.Namespace, systems: dict[str, Any]) -> dict[str, Worker]:
    """Start the workers one after the other, and write down what each one says about itself.

    Args:
        arguments: The command line.
        systems: Filled with one entry a system.

    Returns:
        The workers whose system could be built.
    """
    workers: dict[str, Worker] = {}
    for name in tqdm(arguments.systems, desc="starting", disable=None, leave=False):
        worker = Worker(name, arguments.size, arguments.timeout)
        try:
            facts = worker.facts()
        except WorkerError as error:
            facts = {"status": "failed", "message": str(error)}
        systems[name] = {
            "label": SYSTEMS[name].label,
            **facts,
            "seconds": {},
            "cpu_seconds": {},
            "checksums": {},
            "errors": {},
        }
        if facts["status"] == "ok":
            workers[name] = worker
        else:
            worker.close()
            print(f"{name}: {facts['status']}: {facts['message']}", file=sys.stderr)
    return workers


def measure(workers: dict[str, Worker], systems: dict[str, Any], arguments: argparse.Namespace) -> None:
    """Run every task in turn on every worker, `warmup + rounds` times.

    Args:
        workers: The workers, by system.
        systems: Entries of the systems, to which seconds, checksums, memory and errors are added.
        arguments: The command line.
    """
    repetitions = arguments.warmup + arguments.rounds
    with tqdm(total=len(arguments.tasks) * repetitions * len(workers), disable=None) as progress:
        for task in arguments.tasks:
            for repetition in range(repetitions):
                for name, worker in workers.items():
                    progress.set_description(f"{task} {name}")
                    if task not in systems[name]["errors"]:
                        measure_once(worker, systems[name], task, counts=repetition >= arguments.warmup)
                    progress.update()


def measure_once(worker: Worker, system: dict[str, Any], task: str, counts: bool) -> None:
    """Run one repetition; a failure is written down once and printed, and the others go on."""
    time.sleep(SETTLE_SECONDS)
    try:
        answer = worker.repeat(task)
    except WorkerError as error:
        system["errors"][task] = str(error)
        system["seconds"].pop(task, None)  # a task that broke half-way has no honest median
        print(f"{worker.system}, {task}: {error}", file=sys.stderr)
        return
    if counts:
        for figure, values in (
            ("seconds", "seconds"),
            ("cpu_seconds", "cpu_seconds"),
            ("checksum", "checksums"),
        ):
            system[values].setdefault(task, []).append(answer[figure])
        system["peak_memory_mb"] = round(answer["peak_memory_mb"])


if __name__ == "__main__":
    sys.exit(main())
