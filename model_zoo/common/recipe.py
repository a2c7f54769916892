"""What all recipes do: read the command line and the data, train unless that is done, show the result."""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from operator import attrgetter
from pathlib import Path
from typing import Any

from model_zoo.common.plan import Plan, model_fields
from model_zoo.common.program import INTERRUPTED, command, quiet_paddlenlp, recipe_parser
from model_zoo.common.runs import Run


def _nothing_more(_: Any) -> dict[str, Any]:
    return {}


@dataclass(frozen=True)
class Recipe:
    """One recipe.

    Args:
        folder: Its folder, which holds config.json and whose name is the recipe's.
        plan: How it trains.
        smoke: How it trains in a trial of seconds.
        load: From a folder or None, and a limit or None, to what is trained on and what is held out.
        learner: Name of the module in its folder with `train` and `show`; it is loaded late, for it loads PaddleNLP.
        unit: What there is so much of, as a heading.
        size: How much there is in one part of the data.
        digest: What tells one part of the data from another.
        arguments: Adds arguments of its own to the command line.
        chosen: What these ask for, by the names that `train` takes.
    """

    folder: Path
    plan: Plan
    smoke: Plan
    load: Callable[[str | None, int | None], tuple[Any, Any]]
    learner: str
    unit: str
    size: Callable[[Any], int]
    digest: Callable[[Any], str] = attrgetter("digest")
    arguments: Callable[[argparse.ArgumentParser], object] = _nothing_more
    chosen: Callable[[argparse.Namespace], dict[str, Any]] = _nothing_more

    @property
    def name(self) -> str:
        """Name of the recipe."""
        return self.folder.name

    def main(self, description: str | None, arguments: Sequence[str] | None = None) -> int:
        """Run the recipe.

        Args:
            description: What it does, for --help.
            arguments: Of the command line; None takes the program's.

        Returns:
            The exit status: 0, 2 for what the user can mend, 130 when interrupted.
        """
        parser = recipe_parser(description)
        self.arguments(parser)
        return command(self.name, parser, self._run, arguments)

    def _run(self, options: argparse.Namespace) -> int:
        chosen = self.chosen(options)
        plan = self.smoke if options.smoke else self.plan
        plan = replace(plan, steps=options.steps or plan.steps)
        train, held_out = self.load(options.data, plan.limit)
        settings = {**asdict(plan), "seed": options.seed, "data": [self.digest(train), self.digest(held_out)], **chosen}
        run = Run(Path(options.output or f"runs/{self.name}{'-smoke' * options.smoke}"), settings)
        print(f"{self.unit}: {self.size(train):,} to train on, {self.size(held_out):,} held out", flush=True)
        quiet_paddlenlp()
        learner = importlib.import_module(f"model_zoo.{self.name}.{self.learner}")
        if not learner.train(run, plan, model_fields(self.folder, plan), train, options.seed, **chosen):
            print(f"Interrupted; the same command goes on from the last checkpoint in {run.folder}.", file=sys.stderr)
            return INTERRUPTED
        learner.show(run, plan, train, held_out)
        return 0
