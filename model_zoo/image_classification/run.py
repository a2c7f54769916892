"""Tell clothes apart: XViTForImageClassification on the pictures of Fashion-MNIST.

python model_zoo/image_classification/run.py
python model_zoo/image_classification/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe
from model_zoo.image_classification import data

PLAN = Plan(batch=64, learning_rate=1.5e-3, steps=10000)
SMALL = {"patch_size": 7, "dim": 32, "depth": 1, "heads": 2, "attn_dim_head": 16}
SMOKE = Plan(batch=16, learning_rate=3e-3, steps=24, limit=300, fields=SMALL)
RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="classifier",
    unit="Pictures",
    size=lambda part: len(part.labels),
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
