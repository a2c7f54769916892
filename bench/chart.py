"""Draws the results: one panel a task, one horizontal bar a system, its ratio to ours written at the bar."""

from __future__ import annotations

from pathlib import Path
from statistics import median
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a file is written; no window, on no machine

from matplotlib import pyplot
from matplotlib.axes import Axes

from bench import report
from bench.workload import DECODE_BATCH

OURS, OTHERS = "#1f6fb4", "#b8bfc6"


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the chart.

    Args:
        results: The measured results.
        path: The PNG file.
    """
    tasks = results["tasks"]
    measured = [name for name, system in results["systems"].items() if system["seconds"]]
    columns = min(2, len(tasks))
    rows = -(-len(tasks) // columns)
    height = rows * (1.2 + 0.36 * max(len(measured), 2))
    figure, axes = pyplot.subplots(rows, columns, figsize=(6.5 * columns, height), squeeze=False)
    for axis in axes.flat[len(tasks) :]:
        axis.set_visible(False)
    for axis, task in zip(axes.flat, tasks, strict=False):
        _panel(axis, results, [name for name in measured if task in results["systems"][name]["seconds"]], task)
    computer = results["machine"]
    figure.suptitle(f"{computer['cpu']}, {computer['cores']} cores, float32, {computer['date']}", fontsize=9)
    figure.tight_layout()
    figure.savefig(path, dpi=130, format="png")
    pyplot.close(figure)


def _panel(axis: Axes, results: dict[str, Any], names: list[str], task: str) -> None:
    systems = results["systems"]
    medians = [median(systems[name]["seconds"][task]) for name in names]
    title = report.task_title(task, results["size"])
    if task in DECODE_BATCH:
        tokens = DECODE_BATCH[task] * results["size"]["new_tokens"]
        values, direction = [tokens / seconds for seconds in medians], "tokens/s, longer is better"
    else:
        values, direction = medians, "seconds, shorter is better"
    labels = [systems[name]["label"] for name in names]
    colours = [OURS if systems[name]["label"].startswith("paddle_xformers") else OTHERS for name in names]
    bars = axis.barh(labels, values, color=colours)
    axis.bar_label(bars, [_bar_text(results, name, task) for name in names], padding=4, fontsize=8)
    axis.set_title(f"{title}: {direction}", fontsize=10, loc="left")
    axis.invert_yaxis()
    axis.margins(x=0.28)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _bar_text(results: dict[str, Any], name: str, task: str) -> str:
    times = results["systems"][name]["seconds"][task]
    against = report.ratio(results, name, task)
    text = report.shown(results, task, median(times))
    return f"{text}  ({against:.2f}x)" if against is not None else text
