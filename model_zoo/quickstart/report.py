"""What a run prints at its end: the table, what it means, and the picture of the loss."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path


def table(rows: Mapping[str, float], size: int) -> str:
    """Lay out bits per byte, best first.

    Args:
        rows: Name -> bits per byte.
        size: Number of bytes that they are about.

    Returns:
        Lines of text.
    """
    width = max(map(len, rows))
    lines = [f"{'':<{width}}  bits per byte  {size:,} bytes become"]
    lines += [
        f"{name:<{width}}  {bits:13.3f}  {bits * size / 8:17,.0f}"
        for name, bits in sorted(rows.items(), key=lambda row: row[1])
    ]
    return "\n".join(lines)


def verdict(model: float, gzip: float, seen: int, train_bytes: int, parameters: int) -> str:
    """Say whether the model beats gzip, and if not, what it lacked.

    Args:
        model: Its bits per byte.
        gzip: Those of gzip.
        seen: Number of bytes that training read, repetitions counted.
        train_bytes: Number of different ones.
        parameters: Number of weights.
    """
    if model < gzip:
        return f"The model needs {1 - model / gzip:.0%} fewer bits than gzip."
    passes = seen / train_bytes
    if passes > 8:
        reason = (
            f"it read the same {train_bytes:,} bytes {passes:.0f} times and has learned them rather than the language: "
            "give a longer text"
        )
    else:
        reason = f"{seen:,} bytes of training are too few for {parameters:,} weights: give it more --minutes"
    return f"The model does NOT beat gzip ({model:.3f} bits per byte against {gzip:.3f}): {reason}."


def loss_curve(
    path: Path, history: Sequence[Sequence[float]], rows: Mapping[str, float], model: str, source: str
) -> None:
    """Draw training loss over time, with the held-out results as horizontal lines.

    Args:
        path: The PNG to write.
        history: [step, seconds, bits per byte] in order.
        rows: Name -> bits per byte on the held-out text.
        model: The row that is the model's.
        source: What was trained on, for the title.
    """
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(8, 4.5), dpi=100, layout="constrained")
    unit, seconds_each = ("minutes", 60) if history and history[-1][1] > 120 else ("seconds", 1)
    times = [seconds / seconds_each for _, seconds, _ in history]
    axes.plot(times, [bits for _, _, bits in history], color="#9db8d2", linewidth=1, label="training, mean of 10 steps")
    axes.plot(
        times, _smooth([bits for _, _, bits in history]), color="#1f5a96", linewidth=2, label="training, smoothed"
    )
    for number, (name, bits) in enumerate(sorted(rows.items(), key=lambda row: row[1])):
        ours = name == model
        style = {"color": "#c0392b", "linewidth": 2} if ours else {"color": f"C{number + 1}", "linestyle": "--"}
        axes.axhline(bits, label=f"held out: {name} {bits:.2f}", **style)
    top = min(8.0, max([bits for _, _, bits in history][:1] + list(rows.values())) + 0.3)
    axes.set(xlabel=f"{unit} of training", ylabel="bits per byte", title=source, xlim=(0, None), ylim=(0, top))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="upper right")
    temporary = path.with_name(f".{path.name}")
    figure.savefig(temporary, format="png")
    plt.close(figure)
    os.replace(temporary, path)


def printable(text: str, encoding: str) -> str:
    """Replace what a terminal cannot show, or would obey, as control characters of an untrained model.

    Args:
        text: Any text.
        encoding: That of the terminal.
    """
    visible = "".join(char if char.isprintable() or char in "\n\t" else "\ufffd" for char in text)
    return visible.encode(encoding, errors="replace").decode(encoding)


def _smooth(values: Sequence[float], weight: float = 0.8) -> list[float]:
    """Running mean in which the past counts for `weight`; without the pull of a start value."""
    total = share = 0.0
    means = []
    for value in values:
        total = weight * total + (1 - weight) * value
        share = weight * share + (1 - weight)
        means.append(total / share)
    return means
