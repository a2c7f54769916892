"""The configuration of the encoder family."""

from __future__ import annotations

from ...config.options import BIDIRECTIONAL_GROUPS, EncoderOptions, ExtraTokenOptions, HeadOptions, MaskedLMOptions
from ...config.schema import group_values
from ..configuration import XPretrainedConfig


class XEncoderConfig(XPretrainedConfig):
    """Configuration of the bidirectional encoder, `XEncoderModel`; see `XPretrainedConfig`."""

    model_type = "xencoder"
    main_model = "XEncoderModel"
    groups = (*BIDIRECTIONAL_GROUPS, ExtraTokenOptions, EncoderOptions, HeadOptions, MaskedLMOptions)
    causal = False

    def encoder_options(self) -> EncoderOptions:
        """Return the fields that the encoder family has beyond the others, for `nn` to build from."""
        return EncoderOptions(**group_values(EncoderOptions, self.values()))
