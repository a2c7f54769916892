"""The configuration of the encoder family."""

from __future__ import annotations

from ..configuration import XPretrainedConfig


class XEncoderConfig(XPretrainedConfig):
    """Configuration of the bidirectional encoder, `XEncoderModel`; see `XPretrainedConfig`."""

    model_type = "xencoder"
    causal = False
