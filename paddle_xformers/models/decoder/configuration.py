"""The configuration of the decoder family."""

from __future__ import annotations

from ..configuration import XPretrainedConfig


class XDecoderConfig(XPretrainedConfig):
    """Configuration of the causal decoder, `XDecoderModel`; see `XPretrainedConfig`."""

    model_type = "xdecoder"
    main_model = "XDecoderForCausalLM"
    causal = True
