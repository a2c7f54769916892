"""Configurations of models that are made of several parts, such as an encoder and a decoder."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from ..config import Composition, FieldInfo, StackOptions
from .configuration import XPretrainedConfig

# PaddleNLP's names where the second part is a decoder: those that could mean either part mean it.
DECODER_NAMES = {
    "hidden_size": "dim",
    "num_hidden_layers": "dec_depth",
    "num_attention_heads": "dec_heads",
    "num_key_value_heads": "dec_attn_kv_heads",
    "intermediate_size": "dec_ff_dim",
    "vocab_size": "dec_num_tokens",
    "max_position_embeddings": "dec_max_seq_len",
    "tie_word_embeddings": "dec_tie_word_embeddings",
    "encoder_layers": "enc_depth",
    "decoder_layers": "dec_depth",
    "num_classes": "num_labels",
}


class XCompositeConfig(XPretrainedConfig):
    """A flat set of fields in which those of each part have a prefix, saved as one `config.json`.

    Args:
        **kwargs: As in `XPretrainedConfig`; keywords of x-transformers are also understood behind a prefix.

    Raises:
        ConfigError: If a key is a misspelt field, a field of a part without its prefix, or two keys set one field to
            different values.
    """

    composition: ClassVar[Composition]

    @classmethod
    def fields(cls) -> Mapping[str, FieldInfo]:
        """Return every field of this family by name."""
        return cls.composition.fields()

    @classmethod
    def _canonical(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        paddlenlp = {name: value for name, value in given.items() if name in cls.attribute_map}
        rest = {name: value for name, value in given.items() if name not in paddlenlp}
        return {**cls.composition.canonical(rest), **paddlenlp}

    def validate(self) -> None:
        """Check values, per-layer lists and the rules in and between the parts; building a model does it too.

        Raises:
            ConfigError: With one sentence for each problem found.
        """
        self.composition.validate(self.values())

    def part_config(self, prefix: str, config_class: type[XPretrainedConfig], **more: Any) -> Any:
        """Return the configuration of one part as a model of its own.

        Args:
            prefix: What stands in front of the part's fields.
            config_class: The class of the part's family.
            **more: Values of fields that this family has and the part has not.
        """
        return config_class(**self.composition.part(prefix).values(self.values()), **more)

    def stack_options(self) -> StackOptions:
        """There is a stack in each part, and none of the whole.

        Raises:
            TypeError: Always.
        """
        raise TypeError(f"{type(self).__name__} has no stack of its own; ask the configuration of one of its parts")
