"""Pronounce English words: XSeq2SeqForConditionalGeneration on the CMU dictionary, from letters to phones.

python model_zoo/grapheme_to_phoneme/run.py
python model_zoo/grapheme_to_phoneme/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe
from model_zoo.grapheme_to_phoneme import data

PLAN = Plan(batch=128, learning_rate=2e-3, steps=2500)
PART = {"depth": 1, "heads": 2, "attn_dim_head": 16}
SMALL = {"dim": 32, **{side + name: value for side in ("enc_", "dec_") for name, value in PART.items()}}
SMOKE = Plan(batch=16, learning_rate=3e-3, steps=24, limit=600, fields=SMALL)
RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="speaker",
    unit="Words",
    size=len,
    digest=data.digest,
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
