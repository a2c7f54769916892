"""Measure what each feature does to quality and speed, and write the tables of docs/features/.

python bench/effects/run.py                          # all that is not measured yet
python bench/effects/run.py --only pos-rotary,ff-glu # these, and what they are compared with
python bench/effects/run.py --table-only             # tables and chart anew from the stored results
python bench/effects/run.py --smoke --only ff-glu    # a trial of seconds, which leaves docs/ alone

Results are stored after every run: a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # a script sees only its own folder

from bench.effects import chart, report
from bench.effects.plan import SMOKE, Plan
from bench.effects.results import is_complete, load, run_of, settings_of
from bench.effects.variants import Variant, every_run, root_of
from bench.files import replace_file
from paddle_xformers.errors import InputError, XFormersError

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"
PAGES = HERE.parents[1] / "docs" / "features"
CHART = "effects.png"
INTERRUPTED = 130  # exit status of a program that Ctrl-C ended


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and write tables and chart.

    Args:
        arguments: Of the command line; None takes the program's.

    Returns:
        The exit status: 0, 1 when a run failed, 2 for what the user can mend, 130 when interrupted.
    """
    options = _parser().parse_args(arguments)
    folder = options.output or (Path("runs") / "effects-smoke" if options.smoke else RESULTS)
    pages = options.pages or (None if options.smoke else PAGES)
    try:
        failed = [] if options.table_only else _measure(options, folder)
        _write(folder, pages)
    except (XFormersError, OSError, ValueError) as error:
        print(f"effects: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("effects: interrupted; the same command goes on.", file=sys.stderr)
        return INTERRUPTED
    return int(bool(failed))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", type=_names, help="comma-separated names of runs or ids of features")
    parser.add_argument("--again", action="store_true", help="measure what --only names even if it is stored")
    parser.add_argument("--steps", type=_positive, help=f"training steps of a run (default: {Plan().steps})")
    parser.add_argument("--table-only", action="store_true", help="measure nothing; write tables and chart")
    parser.add_argument("--smoke", action="store_true", help="a tiny model and two steps, to see that all works")
    parser.add_argument("--output", type=Path, help="folder of results and chart (default: bench/effects/results)")
    parser.add_argument("--pages", type=Path, help="folder of the pages (default: docs/features; none with --smoke)")
    return parser


def _names(text: str) -> list[str]:
    runs = every_run()
    chosen: list[str] = []
    for name in filter(None, (part.strip() for part in text.split(","))):
        matching = [run.name for run in runs.values() if name in (run.name, run.feature)]
        if not matching:
            raise argparse.ArgumentTypeError(f"{name!r} is no run; known are {', '.join(runs)}")
        chosen += matching
    if not chosen:
        raise argparse.ArgumentTypeError(f"no name given; known are {', '.join(runs)}")
    return chosen


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number above 0")
    return int(text)


def _measure(options: argparse.Namespace, folder: Path) -> list[str]:
    """Run what is missing; return the names of the runs that failed."""
    from bench.effects.tasks.base import Texts

    plan = SMOKE if options.smoke else Plan()
    if options.steps:
        plan = replace(plan, steps=options.steps)
    texts = Texts(plan, limit=(1 if options.smoke else 64) << 20)
    results = load(folder)
    _claim(results, settings_of(plan, texts.digest), folder)
    chosen = _with_references(options.only)
    if options.again:
        for name in options.only or chosen:
            results["runs"].pop(name, None)
    todo = [variant for variant in chosen.values() if not is_complete(results, variant, _seeds(variant, plan))]
    if not todo:
        print("Every run is stored; --again measures those that --only names once more.")
        return []
    from bench.effects.session import Session

    session = Session(plan, texts, results, folder)
    return session.run(todo)


def _claim(results: dict[str, Any], settings: dict[str, Any], folder: Path) -> None:
    """Make sure that stored figures can stand beside new ones."""
    changed = [name for name, value in settings.items() if results["settings"].get(name, value) != value]
    if results["settings"] and changed:
        raise InputError(
            f"{folder} holds results of other settings ({', '.join(changed)}): figures of both cannot be compared; "
            "delete them, or give another --output."
        )
    results["settings"] = settings


def _with_references(names: list[str] | None) -> dict[str, Variant]:
    """Return the chosen runs in their order, with all that they are compared with."""
    runs = every_run()
    wanted = set(names or runs)
    while True:
        needed = {runs[name].against for name in wanted} | {root_of(runs[name]).name for name in wanted}
        if needed - {""} <= wanted:
            return {name: run for name, run in runs.items() if name in wanted}
        wanted |= needed - {""}


def _seeds(variant: Variant, plan: Plan) -> tuple[int, ...]:
    return plan.seeds if not variant.against else plan.seeds[:1]


def _write(folder: Path, pages: Path | None) -> None:
    """Write chart and tables from the stored results."""
    results = load(folder)
    if any(run_of(results, variant) for variant in every_run().values()):
        replace_file(folder / CHART, lambda path: chart.draw(results, path))
        print(f"Chart: {folder / CHART}")
    if pages is not None:
        changed = report.write_pages(results, pages)
        print(f"Pages in {pages}: " + (", ".join(changed) if changed else "all up to date"))


if __name__ == "__main__":
    sys.exit(main())
