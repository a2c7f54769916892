"""Say how late flights arrive: XValForCausalLM on sentences with numbers, of the flights that left New York in 2013.

python model_zoo/flights/run.py
python model_zoo/flights/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe
from model_zoo.flights import data

PLAN = Plan(batch=256, learning_rate=2e-3, steps=3000)
SMALL = {"dim": 32, "depth": 1, "heads": 2}
SMOKE = Plan(batch=16, learning_rate=3e-3, steps=24, limit=400, fields=SMALL)
RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="reporter",
    unit="Flights",
    size=lambda part: len(part.late),
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
