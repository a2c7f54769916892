"""One sitting: run after run, each stored as soon as it is done."""

from __future__ import annotations

import json
import sys
import traceback
from pathlib import Path
from typing import Any

from tqdm import tqdm

from bench import machine
from bench.effects.measure import time_ratio, train
from bench.effects.plan import Plan
from bench.effects.report import summary
from bench.effects.results import run_of, save
from bench.effects.tasks import make_tasks
from bench.effects.tasks.base import Texts
from bench.effects.variants import Variant, every_run
from model_zoo.quickstart.threads import choose_threads
from paddle_xformers import tune_cpu
from paddle_xformers._compat import import_paddle

paddle = import_paddle()


class Session:
    """Measures variants and adds them to the results.

    Args:
        plan: Sizes.
        texts: The text.
        results: What is stored; it grows.
        folder: Where it is stored.
    """

    def __init__(self, plan: Plan, texts: Texts, results: dict[str, Any], folder: Path) -> None:
        self.plan, self.results, self.folder = plan, results, folder
        self.tasks = make_tasks(plan, texts)
        tuned = tune_cpu()  # before the first matrix product
        threads: Any = "as OMP_NUM_THREADS says"
        if "threads" in tuned.applied:
            threads = choose_threads(self.tasks["text"].build({}), plan)
        self.results["machine"] = {**machine.facts(), "threads": threads, "paddle": paddle.__version__}

    def run(self, variants: list[Variant]) -> list[str]:
        """Measure variants; one that fails is reported and the others go on.

        Args:
            variants: In an order in which references come first.

        Returns:
            Names of those that failed.
        """
        failed = []
        work = sum(self._work(variant) for variant in variants)
        with tqdm(total=work, unit="step", disable=None, leave=False) as progress:
            for variant in variants:
                progress.set_description(variant.name)
                try:
                    self._measure(variant, progress.update)
                except Exception:  # whatever a feature breaks with, the others are still worth measuring
                    failed.append(variant.name)
                    tqdm.write(f"{variant.name} failed:\n{traceback.format_exc()}", file=sys.stderr)
                    continue
                tqdm.write(summary(self.results, variant.name), file=sys.stdout)
        return failed

    def _measure(self, variant: Variant, tick: Any) -> None:
        task = self.tasks[variant.task]
        run = run_of(self.results, variant) or {"scores": {}}
        run |= {"fields": json.loads(json.dumps(variant.fields)), "task": variant.task}
        for seed in self._missing(variant):
            run["scores"][str(seed)], run["parameters"] = train(task, variant.fields, self.plan, seed, tick)
            self._store(variant, run)
        if variant.against and run.get("time_ratio") is None:
            reference = every_run()[variant.against]
            both = (task, self.tasks[reference.task]), (variant.fields, reference.fields)
            run["time_ratio"] = time_ratio(*both, self.plan, tick)
            self._store(variant, run)

    def _store(self, variant: Variant, run: dict[str, Any]) -> None:
        self.results["runs"][variant.name] = run
        save(self.results, self.folder)

    def _missing(self, variant: Variant) -> list[int]:
        """Seeds that are still to run."""
        run = run_of(self.results, variant)
        seeds = self.plan.seeds if not variant.against else self.plan.seeds[:1]
        return [seed for seed in seeds if run is None or str(seed) not in run["scores"]]

    def _work(self, variant: Variant) -> int:
        """Steps and pairs that are still to run."""
        run = run_of(self.results, variant)
        timed = not variant.against or (run is not None and run.get("time_ratio") is not None)
        return len(self._missing(variant)) * self.plan.steps + (0 if timed else self.plan.pairs)
