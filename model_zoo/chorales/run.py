"""Continue chorales in four voices: XMultiInputForCausalLM on those of Bach.

python model_zoo/chorales/run.py
python model_zoo/chorales/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.chorales import data
from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe

PLAN = Plan(batch=16, learning_rate=2e-3, steps=1500)
SMALL = {"dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16, "max_seq_len": 48}
SMOKE = Plan(batch=8, learning_rate=3e-3, steps=24, limit=40, fields=SMALL)
RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="composer",
    unit="Chorales",
    size=lambda part: len(part.pieces),
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
