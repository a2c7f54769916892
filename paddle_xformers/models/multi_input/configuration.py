"""The configuration of the family with several streams of tokens."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...config.options import CORE_GROUPS, EmbeddingWidthOptions, StreamOptions
from ...errors import ConfigError
from ..configuration import XPretrainedConfig


class XMultiInputConfig(XPretrainedConfig):
    """Configuration of the causal decoder over several streams, `XMultiInputModel`; see `XPretrainedConfig`.

    As in x-transformers, `num_tokens={"note": 20, "pitch": 32}` is written for the two fields `stream_names` and
    `stream_num_tokens`.
    """

    model_type = "xmultiinput"
    main_model = "XMultiInputForCausalLM"
    causal = True
    groups = (*CORE_GROUPS, EmbeddingWidthOptions, StreamOptions)
    attribute_map = {name: own for name, own in XPretrainedConfig.attribute_map.items() if name != "vocab_size"}

    @classmethod
    def _own_names(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        given = dict(given)
        if "num_tokens" in given:
            sizes = given.pop("num_tokens")
            if not isinstance(sizes, Mapping):
                raise ConfigError(
                    f"num_tokens={sizes!r} is no size for each stream; give a mapping such as "
                    '{"note": 20, "pitch": 32}, or stream_names and stream_num_tokens'
                )
            for name, value in (("stream_names", list(sizes)), ("stream_num_tokens", list(sizes.values()))):
                if list(given.get(name, value)) != value:
                    raise ConfigError(
                        f"num_tokens={sizes!r} and {name}={given[name]!r} contradict each other; keep one"
                    )
                given[name] = value
        return super()._own_names(given)
