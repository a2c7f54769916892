"""Foresee a day of weather: XContinuousForRegression on a year of hours at three airports of New York.

python model_zoo/forecasting/run.py
python model_zoo/forecasting/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe
from model_zoo.forecasting import data

PLAN = Plan(batch=32, learning_rate=2e-3, steps=1500)
SMALL = {"dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16}
SMOKE = Plan(batch=16, learning_rate=3e-3, steps=24, limit=400, fields=SMALL)
RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="forecaster",
    unit="Hours",
    size=lambda part: len(part.values),
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
