"""The configuration of the encoder-decoder family."""

from __future__ import annotations

from typing import Any

from ...config import SEQ2SEQ
from ..composite import DECODER_NAMES, XCompositeConfig
from ..decoder import XDecoderConfig
from ..encoder import XEncoderConfig


class XSeq2SeqConfig(XCompositeConfig):
    """Configuration of the encoder-decoder, `XSeq2SeqModel`.

    The fields of the encoder begin with `enc_`, those of the decoder with `dec_`, as in x-transformers' XTransformer:
    `XSeq2SeqConfig(dim=512, enc_num_tokens=256, enc_depth=6, dec_num_tokens=256, dec_depth=6, tie_token_emb=True)`. The
    decoder always attends to the encoder.

    PaddleNLP's names that could mean either part (`vocab_size`, `num_hidden_layers`) mean the decoder; its
    `decoder_start_token_id`, `pad_token_id`, `bos_token_id` and `eos_token_id` are those of the target.

    Args:
        **kwargs: As in `XCompositeConfig`.

    Raises:
        ConfigError: Likewise.
    """

    model_type = "xseq2seq"
    main_model = "XSeq2SeqForConditionalGeneration"
    composition = SEQ2SEQ
    attribute_map = {
        **DECODER_NAMES,
        "d_model": "dim",
        "encoder_attention_heads": "enc_heads",
        "decoder_attention_heads": "dec_heads",
        "pad_value": "pad_token_id",
        "dropout": "classifier_dropout",
    }
    keys_to_ignore_at_inference = ["past_key_values", "encoder_last_hidden_state"]

    def __init__(self, **kwargs: Any) -> None:
        kwargs.setdefault("is_encoder_decoder", True)
        super().__init__(**kwargs)

    def encoder_config(self) -> XEncoderConfig:
        """Return the configuration of the encoder as a model of its own."""
        config: XEncoderConfig = self.part_config("enc_", XEncoderConfig, pooler="none")
        return config

    def decoder_config(self) -> XDecoderConfig:
        """Return the configuration of the decoder as a model of its own."""
        config: XDecoderConfig = self.part_config("dec_", XDecoderConfig)
        return config
