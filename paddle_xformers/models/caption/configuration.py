"""The configuration of the family that describes images."""

from __future__ import annotations

from typing import Any

from ...config import CAPTION
from ..composite import DECODER_NAMES, XCompositeConfig
from ..decoder import XDecoderConfig
from ..vit import XViTConfig


class XCaptionConfig(XCompositeConfig):
    """Configuration of an image encoder with a decoder, `XCaptionModel`.

    The fields of the image encoder begin with `enc_`, those of the decoder with `dec_`:
    `XCaptionConfig(dim=512, enc_image_size=224, enc_patch_size=16, enc_depth=6, dec_num_tokens=256, dec_depth=6)`. The
    decoder always attends to the image.

    PaddleNLP's names that could mean either part (`vocab_size`, `num_hidden_layers`) mean the decoder; its
    `decoder_start_token_id`, `pad_token_id`, `bos_token_id` and `eos_token_id` are those of the caption.

    Args:
        **kwargs: As in `XCompositeConfig`.

    Raises:
        ConfigError: Likewise.
    """

    model_type = "xcaption"
    main_model = "XCaptionForConditionalGeneration"
    composition = CAPTION
    attribute_map = {
        **DECODER_NAMES,
        "image_size": "enc_image_size",
        "channels": "enc_channels",
    }
    keys_to_ignore_at_inference = ["past_key_values", "encoder_last_hidden_state"]

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("is_encoder_decoder", True)
        super().__init__(**kwargs)

    def encoder_config(self) -> XViTConfig:
        """Return the configuration of the image encoder as a model of its own."""
        config: XViTConfig = self.part_config("enc_", XViTConfig, num_labels=0)
        return config

    def decoder_config(self) -> XDecoderConfig:
        """Return the configuration of the decoder as a model of its own."""
        config: XDecoderConfig = self.part_config("dec_", XDecoderConfig)
        return config
