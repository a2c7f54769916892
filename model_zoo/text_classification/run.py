"""Tell spam from ham: XEncoderForSequenceClassification on the e-mails of SpamAssassin.

python model_zoo/text_classification/run.py                                   # from fresh weights
python model_zoo/text_classification/run.py --from runs/masked_lm/model       # from a pretrained encoder
python model_zoo/text_classification/run.py --from ... --lora 8               # train adapters and the head only
python model_zoo/text_classification/run.py --smoke                           # a trial of seconds
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
from paddle_xformers.errors import InputError

HERE = Path(__file__).resolve().parent
PLAN = Plan(batch=16, learning_rate=1e-3, steps=800)
SMALL = {"num_tokens": 400, "max_seq_len": 64, "dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16}
SMOKE = Plan(batch=8, learning_rate=3e-3, steps=24, limit=240, fields=SMALL)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the recipe.

    Args:
        arguments: Of the command line; None takes the program's.

    Returns:
        The exit status: 0, 2 for what the user can mend, 130 when interrupted.
    """
    parser = recipe_parser(__doc__)
    parser.add_argument("--from", dest="start", help="folder of an encoder and its tokenizer to start from")
    parser.add_argument("--lora", type=int, help="rank of adapters to train in place of all weights; needs --from")
    return command("text_classification", parser, _run, arguments)


def _run(options: argparse.Namespace) -> int:
    if options.lora is not None and (options.lora < 1 or not options.start):
        raise InputError(
            f"--lora {options.lora}: give a rank of at least 1, and --from FOLDER, whose weights it adapts."
        )
    plan = SMOKE if options.smoke else PLAN
    plan = replace(plan, steps=options.steps or plan.steps)
    train, held_out = data.load(options.data, plan.limit)
    settings = {**asdict(plan), "seed": options.seed, "data": [train.digest, held_out.digest]}
    settings |= {"from": options.start, "lora": options.lora}
    run = Run(Path(options.output or f"runs/text_classification{'-smoke' * options.smoke}"), settings)
    print(f"Mails: {len(train.texts):,} to train on, {len(held_out.texts):,} held out", flush=True)
    quiet_paddlenlp()
    from model_zoo.text_classification import classifier

    fields = model_fields(HERE, plan)
    if not classifier.train(run, plan, fields, train, options.seed, options.start, options.lora):
        print(f"Interrupted; the same command goes on from the last checkpoint in {run.folder}.", file=sys.stderr)
        return INTERRUPTED
    classifier.show(run, plan, train, held_out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
