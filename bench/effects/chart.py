"""Draws the effects: a panel a concern, difference against step time, every point labelled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a file is written; no window, on no machine

from matplotlib import pyplot
from matplotlib.axes import Axes

from bench.effects.features import FEATURES, PAGES
from bench.effects.results import Effect, effect
from bench.effects.variants import VARIANTS, Variant

TASKS = {"text", "segments"}  # scored in bits per byte: other scores have no place on the same axis
COLOURS = {"better": "#1a7f4b", "worse": "#b3402e", "within noise": "#6b7280", "": "#6b7280"}
MOST_BITS, MOST_TIME = 0.6, 3.0  # points beyond stand on the edge, with their figures
LABEL_HEIGHT = 0.046  # of a panel's height


def draw(results: dict[str, Any], path: Path) -> None:
    """Write the chart.

    Args:
        results: What is stored.
        path: The PNG file.
    """
    points = _points(results)
    pages = [page for page in PAGES if any(_page_of(variant) == page for variant, _ in points)] or [PAGES[0]]
    columns = min(2, len(pages))
    rows = -(-len(pages) // columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(7.4 * columns, 4.6 * rows), squeeze=False)
    for axis in axes.flat[len(pages) :]:
        axis.set_visible(False)
    limits = _limits([found for _, found in points])
    for axis, page in zip(axes.flat, pages, strict=False):
        _panel(axis, page, [point for point in points if _page_of(point[0]) == page], limits)
    figure.suptitle(
        "Bits per held-out byte less those of the run it is compared with (down is better) against the time of a "
        "training step by that run's (left is better).\nGrey band and grey points: within the noise of the initial "
        "weights. Hollow points: the feature left out of the baseline. Figures at points beyond the edge.",
        fontsize=9.5,
    )
    figure.tight_layout()
    figure.savefig(path, dpi=120, format="png")
    pyplot.close(figure)


def _points(results: dict[str, Any]) -> list[tuple[Variant, Effect]]:
    """Variants that have both figures."""
    found = [(variant, effect(results, variant)) for variant in VARIANTS if variant.task in TASKS]
    return [
        (variant, point)
        for variant, point in found
        if point is not None and point.difference is not None and point.time_ratio is not None
    ]


def _page_of(variant: Variant) -> str:
    return next(feature.page for feature in FEATURES if feature.id == variant.feature)


def _limits(points: list[Effect]) -> tuple[float, float, float, float]:
    """Left, right, lowest and highest of every panel."""
    times = [1.0, *(min(point.time_ratio, MOST_TIME) for point in points)]
    bits = [0.0, *(max(-MOST_BITS, min(point.difference, MOST_BITS)) for point in points)]
    wide, high = max(times) - min(times) + 0.1, max(bits) - min(bits) + 0.02
    return min(times) - 0.08 * wide, max(times) + 0.38 * wide, min(bits) - 0.1 * high, max(bits) + 0.1 * high


def _panel(
    axis: Axes, page: str, points: list[tuple[Variant, Effect]], limits: tuple[float, float, float, float]
) -> None:
    left, right, low, high = limits
    axis.set_xlim(left, right)
    axis.set_ylim(low, high)
    axis.axhline(0, color="#c4c9cf", linewidth=0.8)
    axis.axvline(1, color="#c4c9cf", linewidth=0.8)
    noise = min((point.noise for _, point in points if point.noise is not None), default=None)
    if noise is not None:
        axis.axhspan(-noise, noise, color="#eef0f2", zorder=0)
    places = [
        (min(point.time_ratio, MOST_TIME), max(-MOST_BITS, min(point.difference, MOST_BITS))) for _, point in points
    ]
    label_x = max([1.0, *(x for x, _ in places)]) + 0.06 * (right - left)
    heights = _spread([y for _, y in places], LABEL_HEIGHT * (high - low), low, high)
    for (variant, point), (x, y), height in zip(points, places, heights, strict=True):
        colour = COLOURS[point.verdict]
        axis.plot(x, y, "o", color=colour, markersize=6, markerfacecolor="white" if variant.without else colour)
        axis.annotate(
            _label(variant, point, (x, y)),
            (x, y),
            xytext=(label_x, height),
            fontsize=7.5,
            color=colour,
            va="center",
            arrowprops={"arrowstyle": "-", "color": "#c4c9cf", "linewidth": 0.6, "shrinkA": 0, "shrinkB": 3},
        )
    axis.set_title(page.replace("-", " "), fontsize=11, loc="left")
    axis.set_xlabel("step time, ratio", fontsize=8)
    axis.set_ylabel("bits per byte, difference", fontsize=8)
    axis.tick_params(labelsize=8)
    axis.spines[["top", "right"]].set_visible(False)


def _label(variant: Variant, point: Effect, place: tuple[float, float]) -> str:
    name = f"without {variant.name}" if variant.without else variant.name
    if variant.against not in ("baseline", "segments"):
        name += f" (against {variant.against})"
    beyond = place != (point.time_ratio, point.difference)
    return f"{name} ({point.difference:+.2f}, {point.time_ratio:.1f}x)" if beyond else name


def _spread(heights: list[float], apart: float, low: float, high: float) -> list[float]:
    """Move labels up and down until none lies on another; their order stays."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    placed = [0.0] * len(heights)
    floor = low + apart / 2
    for index in order:  # from below: as near to the point as the one underneath allows
        placed[index] = max(heights[index], floor)
        floor = placed[index] + apart
    ceiling = high - apart / 2
    for index in reversed(order):  # from above: those pushed out come back
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - apart
    return placed
