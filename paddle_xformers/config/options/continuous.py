"""From vectors to the first hidden state, and from the last one to vectors."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class ContinuousOptions:
    """Sequences of vectors: projections, direction, and what is predicted."""

    dim_in: int | None = option(
        None,
        "Width of the vectors that come in, which a linear maps to dim. None: they have width dim, and there is no "
        "projection.",
        feature="mod-continuous",
        minimum=1,
        examples=(6,),
    )
    dim_out: int | None = option(
        None,
        "Width of the vectors that are predicted, by a linear from dim. None: the last hidden state is the prediction.",
        feature="mod-continuous",
        minimum=1,
        examples=(5,),
    )
    input_bias: bool = option(
        False,
        "The projection of the input has a bias (it had one in x-transformers' old Paddle port).",
        feature="mod-continuous",
        beside={"dim_in": 6},
    )
    output_bias: bool = option(
        False,
        "The projection to the output has a bias (it had one in x-transformers' old Paddle port).",
        feature="mod-continuous",
        beside={"dim_out": 5},
    )
    causal: bool = option(
        False,
        "Self attention looks only backwards, as in a Decoder; False: in both directions, as in an Encoder.",
        feature="mod-continuous",
        paper="1706.03762",
    )
    probabilistic: bool = option(
        False,
        "Predict a normal distribution for each number: its mean, and the logarithm of its variance by a projection of "
        "its own. The loss is its negative log likelihood.",
        feature="loss-continuous-probabilistic",
        paper="Nix and Weigend 1994",
        beside={"dim_out": 5},
    )
    regression_target: str = option(
        "auto",
        "Whose label a place is trained to predict. same: its own; next: that of the next place, with labels not "
        "shifted; auto: next for a causal model, else same.",
        feature="loss-continuous",
        paper="2112.05329",
        choices=("auto", "same", "next"),
        examples=("same", "next"),
        beside={"causal": True},
    )
    regression_loss: str = option(
        "mse",
        "Loss of one number: mse, the square of its error, or l1, its absolute value.",
        feature="loss-continuous",
        paper="2112.05329",
        choices=("mse", "l1"),
    )
    equal_loss_weight_batch: bool = option(
        False,
        "Every row counts the same in the loss, however long it is; False: every number does.",
        feature="loss-continuous",
        paper="2112.05329",
    )
