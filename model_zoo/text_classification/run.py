"""Tell spam from ham: XEncoderForSequenceClassification on the e-mails of SpamAssassin.

python model_zoo/text_classification/run.py                                   # from fresh weights
python model_zoo/text_classification/run.py --from runs/masked_lm/model       # from a pretrained encoder
python model_zoo/text_classification/run.py --from ... --lora 8               # train adapters and the head only
python model_zoo/text_classification/run.py --smoke                           # a trial of seconds
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe
from model_zoo.text_classification import data
from paddle_xformers.errors import InputError

PLAN = Plan(batch=16, learning_rate=1e-3, steps=800)
SMALL = {"num_tokens": 400, "max_seq_len": 64, "dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16}
SMOKE = Plan(batch=8, learning_rate=3e-3, steps=24, limit=240, fields=SMALL)


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="start", help="folder of an encoder and its tokenizer to start from")
    parser.add_argument("--lora", type=int, help="rank of adapters to train in place of all weights; needs --from")


def _chosen(options: argparse.Namespace) -> dict[str, Any]:
    if options.lora is not None and (options.lora < 1 or not options.start):
        raise InputError(
            f"--lora {options.lora}: give a rank of at least 1, and --from FOLDER, whose weights it adapts."
        )
    return {"start": options.start, "lora": options.lora}


RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="classifier",
    unit="Mails",
    size=lambda part: len(part.texts),
    arguments=_arguments,
    chosen=_chosen,
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
