"""Tell clothes apart: XViTForImageClassification on the pictures of Fashion-MNIST.

python model_zoo/image_classification/run.py
python model_zoo/image_classification/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan, model_fields
from model_zoo.common.program import INTERRUPTED, command, quiet_paddlenlp, recipe_parser
from model_zoo.common.runs import Run
from model_zoo.image_classification import data

HERE = Path(__file__).resolve().parent
PLAN = Plan(batch=64, learning_rate=1.5e-3, steps=10000)
SMALL = {"patch_size": 7, "dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16}
SMOKE = Plan(batch=16, learning_rate=3e-3, steps=24, limit=300, fields=SMALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe.

    Args:
        arguments: Of the command line; None takes the program's.

    Returns:
        The exit status: 0, 2 for what the user can mend, 130 when interrupted.
    """
    return command("image_classification", recipe_parser(__doc__), _run, arguments)


def _run(options: argparse.Namespace) -> int:
    plan = SMOKE if options.smoke else PLAN
    plan = replace(plan, steps=options.steps or plan.steps)
    train, held_out = data.load(options.data, plan.limit)
    settings = {**asdict(plan), "seed": options.seed, "data": [train.digest, held_out.digest]}
    run = Run(Path(options.output or f"runs/image_classification{'-smoke' * options.smoke}"), settings)
    print(f"Pictures: {len(train.labels):,} to train on, {len(held_out.labels):,} held out", flush=True)
    quiet_paddlenlp()
    from model_zoo.image_classification import classifier

    if not classifier.train(run, plan, model_fields(HERE, plan), train, options.seed):
        print(f"Interrupted; the same command goes on from the last checkpoint in {run.folder}.", file=sys.stderr)
        return INTERRUPTED
    classifier.show(run, plan, train, held_out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
