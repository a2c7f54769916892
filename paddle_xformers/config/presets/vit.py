"""Well-known image encoders; parameters are those of XViTForImageClassification with 1000 classes.

Published numbers, for images of 224 x 224: of ViT-B, L and H those that torchvision lists for its weights, of DeiT and
ViT-S those of the checkpoints in timm. The papers round: 86M, 307M and 632M (2010.11929, table 1), 5M, 22M and 86M
(2012.12877, table 1).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .preset import Preset

_VIT = {
    "pooling": "cls",
    "patch_norm": False,
    "norm_bias": True,
    "norm_eps": 1e-6,
    "attn_qkv_bias": True,
    "attn_out_bias": True,
    "num_labels": 1000,
}


def _vit(what: str, paper: str, parameters: int, **sizes: Any) -> Preset:
    return Preset(what, paper, parameters, {**_VIT, **sizes})


_SMALL = {"dim": 384, "depth": 12, "heads": 6}
_TINY = {"dim": 192, "depth": 12, "heads": 3}
_BASE = {"dim": 768, "depth": 12, "heads": 12}
_LARGE = {"dim": 1024, "depth": 24, "heads": 16}
_HUGE = {"dim": 1280, "depth": 32, "heads": 16, "attn_dim_head": 80, "patch_size": 14}

VITS: Mapping[str, Preset] = {
    "vit-small-16": _vit("ViT-S/16", "2106.10270", 22_050_664, **_SMALL),
    "vit-base-16": _vit("ViT-B/16", "2010.11929", 86_567_656, **_BASE),
    "vit-base-32": _vit("ViT-B/32", "2010.11929", 88_224_232, **_BASE, patch_size=32),
    "vit-large-16": _vit("ViT-L/16", "2010.11929", 304_326_632, **_LARGE),
    "vit-huge-14": _vit("ViT-H/14", "2010.11929", 632_045_800, **_HUGE),
    "deit-tiny": _vit("DeiT-Ti, not distilled", "2012.12877", 5_717_416, **_TINY),
    "deit-small": _vit("DeiT-S, not distilled", "2012.12877", 22_050_664, **_SMALL),
    "deit-base": _vit("DeiT-B, not distilled", "2012.12877", 86_567_656, **_BASE),
}
