"""Find hidden tokens: XEncoderForMaskedLM on the e-mails of SpamAssassin, to start a classifier from.

python model_zoo/masked_lm/run.py
python model_zoo/masked_lm/run.py --smoke     # a trial of seconds
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
from model_zoo.text_classification import data

HERE = Path(__file__).resolve().parent
PLAN = Plan(batch=16, learning_rate=2e-3, steps=2500)
SMALL = {"num_tokens": 400, "max_seq_len": 64, "dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16}
SMOKE = Plan(batch=8, learning_rate=3e-3, steps=24, limit=240, fields=SMALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe.

    Args:
        arguments: Of the command line; None takes the program's.

    Returns:
        The exit status: 0, 2 for what the user can mend, 130 when interrupted.
    """
    return command("masked_lm", recipe_parser(__doc__), _run, arguments)


def _run(options: argparse.Namespace) -> int:
    plan = SMOKE if options.smoke else PLAN
    plan = replace(plan, steps=options.steps or plan.steps)
    train, held_out = data.load(options.data, plan.limit)
    settings = {**asdict(plan), "seed": options.seed, "data": [train.digest, held_out.digest]}
    run = Run(Path(options.output or f"runs/masked_lm{'-smoke' * options.smoke}"), settings)
    print(f"Mails: {len(train.texts):,} to train on, {len(held_out.texts):,} held out", flush=True)
    quiet_paddlenlp()
    from model_zoo.masked_lm import model

    if not model.train(run, plan, model_fields(HERE, plan), train.texts, options.seed):
        print(f"Interrupted; the same command goes on from the last checkpoint in {run.folder}.", file=sys.stderr)
        return INTERRUPTED
    model.show(run, plan, train.texts, held_out.texts)
    return 0


if __name__ == "__main__":
    sys.exit(main())
