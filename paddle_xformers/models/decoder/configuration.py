"""The configuration of the decoder family."""

from __future__ import annotations

from ...config.options import TOKEN_GROUPS, DecoderOptions, ExtraTokenOptions, RoundsOptions
from ..configuration import XPretrainedConfig


class XDecoderConfig(XPretrainedConfig):
    """Configuration of the causal decoder, `XDecoderModel`; see `XPretrainedConfig`."""

    model_type = "xdecoder"
    main_model = "XDecoderForCausalLM"
    groups = (*TOKEN_GROUPS, ExtraTokenOptions, DecoderOptions, RoundsOptions)
    causal = True
