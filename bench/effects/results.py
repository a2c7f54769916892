"""The measured figures: kept in one JSON file, and what they say."""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import mean, stdev
from typing import Any

from bench.effects.plan import Plan
from bench.effects.variants import Variant, every_run, root_of
from bench.files import replace_file
from paddle_xformers.errors import InputError

FILE = "effects.json"
# Student's t: 95 of 100 values lie within so many standard deviations, by number of values less one.
STUDENT = {1: 12.71, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}


def settings_of(plan: Plan, text: str) -> dict[str, Any]:
    """Return what must be the same for figures to be compared.

    Args:
        plan: Sizes.
        text: Digest of the text.
    """
    return {**asdict(plan), "seeds": list(plan.seeds), "text": text}


def load(folder: Path) -> dict[str, Any]:
    """Return the results kept in a folder; without runs where there are none.

    Args:
        folder: The folder.

    Raises:
        InputError: The file is damaged.
    """
    path = folder / FILE
    try:
        results = json.loads(path.read_text(encoding="utf-8"))
        return {"settings": results["settings"], "machine": results["machine"], "runs": dict(results["runs"])}
    except FileNotFoundError:
        return {"settings": {}, "machine": {}, "runs": {}}
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is damaged ({type(error).__name__}: {error}); delete it to measure anew.") from error


def save(results: dict[str, Any], folder: Path) -> None:
    """Write the results, whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps(results, indent=1, allow_nan=False) + "\n"
    replace_file(folder / FILE, lambda path: path.write_text(content, encoding="utf-8"))


def run_of(results: dict[str, Any], variant: Variant) -> dict[str, Any] | None:
    """Return the stored run of a variant; None where there is none, or one of other fields."""
    run = results["runs"].get(variant.name)
    if run is None or (run["fields"], run["task"]) != (json.loads(json.dumps(variant.fields)), variant.task):
        return None
    return run


def is_complete(results: dict[str, Any], variant: Variant, seeds: tuple[int, ...]) -> bool:
    """Whether nothing is left to measure of a variant.

    Args:
        results: What is stored.
        variant: The variant.
        seeds: The initial weights it is run with.
    """
    run = run_of(results, variant)
    timed = not variant.against or (run is not None and run.get("time_ratio") is not None)
    return run is not None and timed and all(str(seed) in run["scores"] for seed in seeds)


@dataclass(frozen=True)
class Effect:
    """What a run says of its feature.

    Attributes:
        score: Mean over its seeds; None where training diverged.
        difference: The score less that of the run it is compared with; None for a baseline and what diverged.
        noise: Half width of the 95 % interval in which that difference lies when nothing changes but the initial
            weights; None while the baseline has too few runs.
        time_ratio: Time of its training step by that of the run it is compared with.
        parameters: Number of weights.
    """

    score: float | None
    difference: float | None
    noise: float | None
    time_ratio: float | None
    parameters: int

    @property
    def verdict(self) -> str:
        """The difference in a word."""
        if self.score is None:
            return "diverged"
        if self.difference is None or self.noise is None:
            return ""
        if abs(self.difference) <= self.noise:
            return "within noise"
        return "better" if self.difference < 0 else "worse"


def effect(results: dict[str, Any], variant: Variant) -> Effect | None:
    """Return what is known of a variant; None before it was measured.

    Args:
        results: What is stored.
        variant: The variant.
    """
    run = run_of(results, variant)
    if run is None or not run["scores"]:
        return None
    score, difference, noise = _mean(run), None, None
    if variant.against:
        reference = run_of(results, every_run()[variant.against])
        expected = _mean(reference) if reference else None
        if score is not None and expected is not None:
            difference = score - expected
            noise = _noise(results, variant, len(reference["scores"]))
    return Effect(score, difference, noise, run.get("time_ratio"), run["parameters"])


def seed_spread(results: dict[str, Any], variant: Variant) -> tuple[int, float] | None:
    """Return of a run's baseline how many seeds there are and their standard deviation; None for less than two."""
    run = run_of(results, root_of(variant))
    scores = [score for score in (run["scores"].values() if run else ()) if score is not None]
    return (len(scores), stdev(scores)) if len(scores) > 1 else None


def _noise(results: dict[str, Any], variant: Variant, runs: int) -> float | None:
    """Interval for one run beside the mean of `runs`, all with the spread of the baseline's seeds."""
    spread = seed_spread(results, variant)
    if spread is None:
        return None
    count, deviation = spread
    return STUDENT[min(count - 1, max(STUDENT))] * deviation * math.sqrt(1 + 1 / runs)


def _mean(run: dict[str, Any]) -> float | None:
    scores = list(run["scores"].values())
    return mean(scores) if scores and None not in scores else None
