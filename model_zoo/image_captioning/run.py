"""Say what emoji show: XCaptionForConditionalGeneration on the drawings of two makers.

python model_zoo/image_captioning/run.py
python model_zoo/image_captioning/run.py --smoke     # a trial of seconds
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent))  # a script sees only its own folder

from model_zoo.common.plan import Plan
from model_zoo.common.recipe import Recipe
from model_zoo.image_captioning import data

PLAN = Plan(batch=48, learning_rate=2e-3, steps=6000)
PART = {"depth": 1, "heads": 2, "attn_dim_head": 16}
SMALL = {
    "dim": 32,
    "dec_num_tokens": 300,
    **{side + name: value for side in ("enc_", "dec_") for name, value in PART.items()},
}
SMOKE = Plan(batch=16, learning_rate=3e-3, steps=24, limit=200, fields=SMALL)
RECIPE = Recipe(
    folder=Path(__file__).resolve().parent,
    plan=PLAN,
    smoke=SMOKE,
    load=data.load,
    learner="captioner",
    unit="Pictures",
    size=lambda part: len(part.captions),
)

if __name__ == "__main__":
    sys.exit(RECIPE.main(__doc__))
