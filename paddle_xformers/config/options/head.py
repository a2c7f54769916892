"""Heads that classify."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class HeadOptions:
    """What the heads of all families that classify have."""

    classifier_dropout: float = option(
        0.0,
        "Dropout in front of the output layer of classification heads.",
        feature="out-cls-token",
        paper="1207.0580",
        minimum=0,
        maximum=1,
        examples=(0.5,),
    )
