"""How a branch reads from and writes to the residual stream."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class ResidualOptions:
    """The residual connection around every layer."""

    residual: str = option(
        "plain",
        "plain: add. rezero: add the branch times a learned number that starts at 0. gru: a GRU cell merges branch and "
        "residual. hyper: several streams with learned reading, mixing and writing (hyper-connections).",
        feature="residual-plain",
        paper="1512.03385; 2003.04887; 1910.06764; 2409.19606; 2512.24880",
        choices=("plain", "rezero", "gru", "hyper"),
        examples=("rezero", "gru"),
    )
    scale_residual: bool = option(
        False,
        "A learned factor for each feature of the residual (not of the branch), starting at 1; "
        "not with residual='hyper'.",
        feature="residual-scale",
        paper="2110.09456",
    )
    scale_residual_constant: float = option(
        1.0,
        "A constant factor on the residual (not on the branch), DeepNorm's alpha; not with residual='hyper'.",
        feature="residual-scale",
        paper="2203.00555",
        above=0,
        examples=(1.5,),
    )
    num_residual_streams: int = option(
        1,
        "Number of streams of hyper-connections.",
        feature="residual-hyper-connections",
        paper="2409.19606",
        minimum=1,
        examples=(2, 3),
        beside={"residual": "hyper"},
    )
    hyper_conn_sinkhorn_iters: int = option(
        5,
        "Sinkhorn rounds that make the mix of the streams doubly stochastic.",
        feature="residual-hyper-connections",
        paper="2512.24880",
        minimum=1,
        examples=(1,),
        needs={"residual": "hyper"},
        beside={"num_residual_streams": 2},
    )
