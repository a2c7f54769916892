"""How a branch reads from and writes to the residual stream."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class ResidualOptions:
    """The residual connection around every layer."""

    residual: str = option(
        "plain",
        "plain: add. hyper: several streams with learned reading, mixing and writing (hyper-connections).",
        feature="residual-hyper-connections",
        paper="1512.03385; 2409.19606; 2512.24880",
        choices=("plain", "hyper"),
        examples=("hyper",),
        beside={"num_residual_streams": 2},
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
