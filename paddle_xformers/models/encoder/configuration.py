"""The configuration of the encoder family."""

from __future__ import annotations

from ...config.options import BIDIRECTIONAL_GROUPS
from ..configuration import XPretrainedConfig


class XEncoderConfig(XPretrainedConfig):
    """Configuration of the bidirectional encoder, `XEncoderModel`; see `XPretrainedConfig`."""

    model_type = "xencoder"
    groups = BIDIRECTIONAL_GROUPS
    causal = False
