"""Turns the measured seconds into a Markdown table. Pure text: starts no process, imports no framework."""

from __future__ import annotations

from statistics import median
from typing import Any

from bench.systems import BASELINE
from bench.workload import DECODE_BATCH

MARKERS = ("<!-- results: begin, written by run.py --write-readme -->", "<!-- results: end -->")


def task_title(task: str, size: dict[str, Any]) -> str:
    """Returns the heading of a task, with the shapes it ran on."""
    if task in DECODE_BATCH:
        return f"decode {DECODE_BATCH[task]} x {size['new_tokens']}"
    return f"{task.replace('_', ' ')} {size['batch']} x {size['seq_len']}"


def ratio(results: dict[str, Any], name: str, task: str) -> float | None:
    """Compare a system with ours.

    Args:
        results: The measured results.
        name: A system.
        task: A task.

    Returns:
        Its median time divided by the median time of ours, so that above 1 ours is faster; None when either
        is missing.
    """
    ours = results["systems"].get(BASELINE, {}).get("seconds", {}).get(task)
    its = results["systems"][name]["seconds"].get(task)
    return median(its) / median(ours) if ours and its else None


def shown(results: dict[str, Any], task: str, seconds: float) -> str:
    """Returns a time as the field reads it: seconds or milliseconds, and tokens a second for decoding."""
    if task in DECODE_BATCH:
        return f"{DECODE_BATCH[task] * results['size']['new_tokens'] / seconds:.0f} tok/s"
    return f"{seconds:.2f} s" if seconds >= 0.1 else f"{seconds * 1000:.1f} ms"


def cell(results: dict[str, Any], name: str, task: str) -> str:
    """Returns one cell of the table: median, best and ratio, or why there is none."""
    system = results["systems"][name]
    if system["status"] != "ok":
        return system["status"]
    if task in system["errors"]:
        return "failed"
    times = system["seconds"].get(task)
    if not times:
        return "-"
    against = ratio(results, name, task)
    text = f"{shown(results, task, median(times))} (best {shown(results, task, min(times))})"
    return f"{text} **{against:.2f}x**" if against is not None else text


def cores_busy(system: dict[str, Any]) -> str:
    """Returns processor time by elapsed time over all repetitions: how many cores a system kept busy."""
    elapsed = sum(map(sum, system["seconds"].values()))
    return f"{sum(map(sum, system['cpu_seconds'].values())) / elapsed:.1f}" if elapsed else "-"


def markdown(results: dict[str, Any]) -> str:
    """Write the results for a reader.

    Args:
        results: The measured results.

    Returns:
        A table of systems by tasks, the facts about machine and work, and the errors if there were any.
    """
    tasks = results["tasks"]
    titles = [task_title(task, results["size"]) for task in tasks]
    head = ["system", "parameters", *titles, "cores busy", "peak memory"]
    rows = [head, ["---"] * len(head)]
    for name, system in results["systems"].items():
        parameters = f"{system['parameters'] / 1e6:.2f} M" if "parameters" in system else "-"
        memory = f"{system['peak_memory_mb'] / 1000:.1f} GB" if "peak_memory_mb" in system else "-"
        cells = [cell(results, name, task) for task in tasks]
        rows.append([system["label"], parameters, *cells, cores_busy(system), memory])
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([*lines, "", *facts(results), *failures(results)]) + "\n"


def facts(results: dict[str, Any]) -> list[str]:
    """Returns two sentences: what was run, and on what."""
    size, computer = results["size"], results["machine"]
    versions: dict[str, str] = {}
    for system in results["systems"].values():
        versions.update(system.get("versions", {}))
    listed = ", ".join(f"{name} {version}" for name, version in sorted(versions.items()))
    return [
        f"Size `{size['name']}`: dim {size['dim']}, depth {size['depth']}, heads {size['heads']}, "
        f"vocabulary {size['vocab']}, float32; decoding starts from {size['prompt_len']} tokens. "
        f"Median of {results['rounds']} rounds; **1.00x** is `{BASELINE}`, above it ours is faster.",
        "",
        f"{computer['date']}; {computer['cpu']}, {computer['cores']} cores, {computer['memory_gb']} GB, "
        f"{computer['system']}, load {computer['load_before']} before the run; "
        f"Python {computer['python']}" + (f", {listed}." if listed else "."),
    ]


def failures(results: dict[str, Any]) -> list[str]:
    """Returns a line for each system or task that has no figure, with the first line of the reason."""
    lines = []
    for name, system in results["systems"].items():
        reasons = {task: text for task, text in system["errors"].items() if task in results["tasks"]}
        if system["status"] != "ok":
            reasons = {system["status"]: system["message"]}
        lines += [f"- `{name}`, {what}: {text.splitlines()[0]}" for what, text in reasons.items()]
    return ["", *lines] if lines else []


def replace_between_markers(text: str, table: str) -> str:
    """Put a table where the markers say.

    Args:
        text: A document that holds both markers once, in order.
        table: What goes between them.

    Returns:
        The document with everything between the markers replaced.

    Raises:
        ValueError: A marker is missing, double, or they are in the wrong order.
    """
    begin, end = MARKERS
    if text.count(begin) != 1 or text.count(end) != 1 or text.index(begin) > text.index(end):
        raise ValueError(f"the document must hold {begin!r} and then {end!r}, once each; restore those two lines.")
    before, rest = text.split(begin)
    return f"{before}{begin}\n\n{table.strip()}\n\n{end}{rest.split(end)[1]}"
