"""Captions of images: which fields the two parts have, and the rules between them."""

from __future__ import annotations

from .options import VISION_GROUPS
from .parts import Composition, Part
from .seq2seq import DECODER, GATE_OF_NOTHING, NEVER_LOOKS, ONE_CONDITION

# The encoder hands its hidden states on: it has no head, and nothing to attend to but the image.
IMAGE_ENCODER = Part(
    "enc_",
    "image encoder",
    groups=VISION_GROUPS,
    fixed={"cross_attend": False, "vit_head": "linear", "classifier_dropout": 0.0},
)

CAPTION = Composition(groups=(), parts=(IMAGE_ENCODER, DECODER), rules=(NEVER_LOOKS, ONE_CONDITION, GATE_OF_NOTHING))
