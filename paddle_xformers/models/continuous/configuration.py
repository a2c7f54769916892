"""The configuration of the continuous family."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...config.field import fields_of
from ...config.options import (
    CORE_GROUPS,
    AttentionOptions,
    BothWaysAttentionOptions,
    ContinuousOptions,
    PositionOptions,
    SequenceOptions,
)
from ...errors import ConfigError
from ..configuration import XPretrainedConfig

# Fields that only a causal model has, of those groups that have such.
_OF_ORDER = tuple(
    info
    for every, both_ways in ((AttentionOptions, BothWaysAttentionOptions), (PositionOptions, SequenceOptions))
    for info in fields_of(every)
    if info.name not in {free.name for free in fields_of(both_ways)}
)


class XContinuousConfig(XPretrainedConfig):
    """Configuration of the models over vectors, `XContinuousModel`; see `XPretrainedConfig`.

    `causal` is a field here: the family has both directions. As in x-transformers, `max_seq_len=None` is written for 0:
    no limit and no position table.
    """

    model_type = "xcontinuous"
    main_model = "XContinuousModel"
    groups = (*CORE_GROUPS, ContinuousOptions)
    attribute_map = {name: own for name, own in XPretrainedConfig.attribute_map.items() if name != "vocab_size"}

    @classmethod
    def _own_names(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        own = super()._own_names(given)
        if "max_seq_len" in own and own["max_seq_len"] is None:
            own["max_seq_len"] = 0
        return own

    def validate(self) -> None:
        """Check values and rules, and that a model of both directions has no field that is about order.

        Raises:
            ConfigError: With one sentence for each problem found.
        """
        super().validate()
        for info in () if self.causal else _OF_ORDER:
            value = getattr(self, info.name)
            if value != info.default:
                raise ConfigError(
                    f"{info.name}={value!r} tells tokens before from tokens after, and causal={self.causal} knows no "
                    "order; set causal=True or leave it out"
                )

    @property
    def width_in(self) -> int:
        """Width of the vectors that come in."""
        return int(self.dim if self.dim_in is None else self.dim_in)

    @property
    def width_out(self) -> int:
        """Width of the vectors that are predicted."""
        return int(self.dim if self.dim_out is None else self.dim_out)

    @property
    def predicts_next(self) -> bool:
        """Whether a place is trained to predict the vector of the next place rather than that of its own."""
        return bool(self.causal if self.regression_target == "auto" else self.regression_target == "next")
