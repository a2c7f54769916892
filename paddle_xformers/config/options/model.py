"""Sizes that every part shares."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class ModelOptions:
    """Width, initial values and compatibility of the whole model."""

    dim: int = option(
        512,
        "Width of the residual stream.",
        feature="layers-core",
        paper="1706.03762",
        minimum=1,
        examples=(48,),
    )
    initializer_range: float | None = option(
        None,
        "Standard deviation of normal initial values for linears and embeddings; None: uniform "
        "+-1/sqrt(inputs) for linears and N(0, 2/emb_dim) for token embeddings.",
        feature="emb-token",
        above=0,
        examples=(0.02,),
    )
    upstream_compat: bool = option(
        False,
        "Follow x-transformers 2.31 where it departs from the paper (residual='hyper': every stream becomes "
        "the sum of all; 'gated_multi': the streams are normed after each layer). Only for loading such weights.",
        feature="residual-hyper-connections",
        beside={"residual": "hyper", "num_residual_streams": 2},
    )
    verbose: bool = option(
        False,
        "Say in the log what works but is seldom wise, when a model is built: rotary positions that turn fewer than 32 "
        "features. x-transformers does by default.",
        feature="layers-verbose",
    )
