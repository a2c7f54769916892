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
        "residual. orthogonal: add the part of the branch that is orthogonal to the residual. hyper: several streams "
        "with learned reading, mixing and writing (hyper-connections).",
        feature="residual-plain",
        paper="1512.03385; 2003.04887; 1910.06764; 2505.11881; 2409.19606; 2512.24880",
        choices=("plain", "rezero", "gru", "orthogonal", "hyper"),
        examples=("rezero", "gru", "orthogonal"),
        socket="residual",
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
    depth_scale_residual: bool = option(
        False,
        "The last linear of each branch starts from a normal distribution of deviation 1 / sqrt(2 * its input width * "
        "its block, counted from 1).",
        feature="residual-depth-scale",
        paper="2310.02244",
    )
    branch_scale: float = option(
        1.0,
        "A constant factor on the output of every branch.",
        feature="residual-depth-scale",
        paper="2310.02244",
        above=0,
        examples=(0.5,),
    )
    use_layerscale: bool = option(
        False,
        "A learned factor for each feature of the branch output.",
        feature="residual-layerscale",
        paper="2103.17239",
    )
    layerscale_init_value: float = option(
        0.0,
        "Where the factors of use_layerscale start. At 0 every branch starts as nothing; the paper takes 0.1 for 18 "
        "blocks, 1e-5 for 24, 1e-6 for more.",
        feature="residual-layerscale",
        paper="2103.17239",
        minimum=0,
        examples=(0.1,),
        needs={"use_layerscale": True},
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
