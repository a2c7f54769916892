"""Running the whole stack several times: recycling and looping."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class RoundsOptions:
    """How often a decoder runs its stack on what it gave, and which of its results counts."""

    recycling: bool = option(
        False,
        "Run the stack several times; a linear of what the last run gave is added to the embeddings, and only the last "
        "run has gradients. How often: recycle_steps of a forward.",
        feature="mem-recycling",
        paper="Jumper et al. 2021",
    )
    train_max_recycle_steps: int = option(
        4,
        "Most runs of the stack: a training step draws a number from 1 to this, all else takes this (x-transformers "
        "wants to be told), unless recycle_steps says it.",
        feature="mem-recycling",
        paper="Jumper et al. 2021",
        minimum=1,
        examples=(3,),
        needs={"recycling": True},
    )
    looped: bool = option(
        False,
        "Run the stack several times, each time on what it gave (how often: looped_steps of a forward), with a gate "
        "that learns after which loop each token may stop. The loss is that of all loops, and of the gate. Each loop "
        "has a cache of its own (decoding in x-transformers loses rotary positions from the second loop on).",
        feature="mem-looped",
        paper="2510.25741",
    )
    max_looped_steps: int = option(
        4,
        "Number of loops, unless looped_steps says it.",
        feature="mem-looped",
        paper="2510.25741",
        minimum=1,
        examples=(3,),
        needs={"looped": True},
    )
    looped_exit_prob_threshold: float | None = option(
        None,
        "Each token takes what it is after the first loop by which it has stopped with at least this probability (0.9 "
        "in x-transformers' generation); later loops run all the same, so that the cache holds them. None: the last "
        "loop.",
        feature="mem-looped",
        paper="2510.25741",
        above=0,
        maximum=1,
        examples=(0.6,),
        needs={"looped": True},
    )
    looped_loss_threshold_exit: float = option(
        0.05,
        "The gate learns to stop a token where the next loop makes its loss smaller by less than this.",
        feature="loss-looped-exit",
        paper="2510.25741",
        examples=(0.2,),
        needs={"looped": True},
    )
    looped_loss_slope: float = option(
        50.0,
        "How sharply the gate learns to tell more from less than that.",
        feature="loss-looped-exit",
        paper="2510.25741",
        above=0,
        examples=(5.0,),
        needs={"looped": True},
    )
    looped_exit_loss_weight: float = option(
        1.0,
        "Factor on the loss of the gate.",
        feature="loss-looped-exit",
        paper="2510.25741",
        above=0,
        examples=(0.3,),
        needs={"looped": True},
    )
