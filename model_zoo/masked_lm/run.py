"""Find hidden tokens: XEncoderForMaskedLM on the e-mails of SpamAssassin, to start a classifier from.

python model_zoo/masked_lm/run.py
python model_zoo/masked_lm/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe
from model_zoo.text_classification import data

PLAN = Plan(batch=8, learning_rate=5e-3, steps=7000)
SMALL = {"num_tokens": 400, "max_seq_len": 64, "dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16}
SMOKE = Plan(batch=8, learning_rate=3e-3, steps=24, limit=240, fields=SMALL)
RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="model",
    unit="Mails",
    size=lambda part: len(part.texts),
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
