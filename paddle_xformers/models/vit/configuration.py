"""The configuration of the image family."""

from __future__ import annotations

from typing import Any

from ...config.options import VISION_GROUPS
from ..configuration import XPretrainedConfig


class XViTConfig(XPretrainedConfig):
    """Configuration of the image encoder, `XViTModel`; see `XPretrainedConfig`.

    `num_classes` (PaddleNLP's `num_labels`) is the number of classes of a head; None or 0: no head, so that an image
    classifier returns the pooled vector. `dropout` (PaddleNLP's `classifier_dropout`) is the dropout of the head.

    Args:
        **kwargs: As for `XPretrainedConfig`.
    """

    model_type = "xvit"
    main_model = "XViTForImageClassification"
    groups = VISION_GROUPS
    causal = False
    attribute_map = {
        name: own
        for name, own in XPretrainedConfig.attribute_map.items()
        if own not in ("num_tokens", "max_seq_len")  # an image has neither
    }

    def __init__(self, **kwargs: Any) -> None:
        for name in ("num_labels", "num_classes"):
            if name in kwargs and kwargs[name] is None:
                kwargs[name] = 0
        super().__init__(**kwargs)
