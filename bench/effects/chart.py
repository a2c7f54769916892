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
MOST_BITS, MOST_TIME = 0.5, 3.0  # points beyond stand on the edge, with their figures
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
    size = (7.4 * columns, 4.6 * rows)
    figure, axes = pyplot.subplots(rows, columns, figsize=size, squeeze=False, layout="constrained")
    for axis in axes.flat[len(pages) :]:
        axis.set_visible(False)
    limits = _heights([found for _, found in points])
    for axis, page in zip(axes.flat, pages, strict=False):
        _panel(axis, page, [point for point in points if _page_of(point[0]) == page], limits)
    figure.suptitle(
        "Bits per held-out byte less those of the run it is compared with (down is better) against the time of a "
        "training step by that run's (left is better).\nGrey band and grey points: within the noise of the initial "
        "weights. Hollow points: the feature left out of the baseline. Points beyond the edge have their figures; "
        "runs that diverged are not drawn.",
        fontsize=9.5,
    )
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


def _place(point: Effect) -> tuple[float, float]:
    """Where a point stands: at its figures, or on the edge."""
    return min(point.time_ratio, MOST_TIME), max(-MOST_BITS, min(point.difference, MOST_BITS))


def _heights(points: list[Effect]) -> tuple[float, float]:
    """Lowest and highest difference of every panel."""
    bits = [0.0, *(_place(point)[1] for point in points)]
    high = max(bits) - min(bits) + 0.02
    return min(bits) - 0.15 * high, max(bits) + 0.15 * high


def _widths(points: list[Effect]) -> tuple[float, float, float]:
    """Left edge, place of the labels and right edge of a panel: the labels have the right half."""
    times = [1.0, *(_place(point)[0] for point in points)]
    wide = max(times) - min(times) + 0.05
    return min(times) - 0.1 * wide, max(times) + 0.15 * wide, max(times) + 1.1 * wide


def _panel(axis: Axes, page: str, points: list[tuple[Variant, Effect]], limits: tuple[float, float]) -> None:
    low, high = limits
    left, label_x, right = _widths([point for _, point in points])
    axis.set_xlim(left, right)
    axis.set_ylim(low, high)
    axis.axhline(0, color="#c4c9cf", linewidth=0.8)
    axis.axvline(1, color="#c4c9cf", linewidth=0.8)
    noise = min((point.noise for _, point in points if point.noise is not None), default=None)
    if noise is not None:
        axis.axhspan(-noise, noise, color="#eef0f2", zorder=0)
    places = [_place(point) for _, point in points]
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
        name += f" vs {variant.against}"
    beyond = place != (point.time_ratio, point.difference)
    return f"{name} ({point.difference:+.2f}, {point.time_ratio:.1f}x)" if beyond else name


def _spread(heights: list[float], apart: float, low: float, high: float) -> list[float]:
    """Move labels up and down, each as little as possible, until none lies on another; their order stays."""
    order = sorted(range(len(heights)), key=lambda index: heights[index])
    groups: list[list[int]] = []  # labels that touch: a group stands around the middle of its points
    for index in order:
        groups.append([index])
        while len(groups) > 1 and _bottom(groups[-1], heights, apart) < _top(groups[-2], heights, apart) + apart:
            groups[-2:] = [groups[-2] + groups[-1]]
    placed = [0.0] * len(heights)
    for group in groups:
        for rank, index in enumerate(group):
            placed[index] = _bottom(group, heights, apart) + rank * apart
    return _inside(placed, order, apart, low, high)


def _bottom(group: list[int], heights: list[float], apart: float) -> float:
    return sum(heights[index] for index in group) / len(group) - (len(group) - 1) * apart / 2


def _top(group: list[int], heights: list[float], apart: float) -> float:
    return _bottom(group, heights, apart) + (len(group) - 1) * apart


def _inside(placed: list[float], order: list[int], apart: float, low: float, high: float) -> list[float]:
    """Push labels back that stand outside, and those that are then in their way."""
    floor, ceiling = low + apart / 2, high - apart / 2
    for index in order:
        placed[index] = max(placed[index], floor)
        floor = placed[index] + apart
    for index in reversed(order):
        placed[index] = min(placed[index], ceiling)
        ceiling = placed[index] - apart
    return placed
