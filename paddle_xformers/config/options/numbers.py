"""Numbers among the tokens, each as one token with a value."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class NumberOptions:
    """Fields of the XVal family only: which token stands for a number, and what its error counts."""

    numerical_token_id: int = option(
        3,
        "Id of the token that stands for every number: its embedding is multiplied by the number.",
        feature="mod-xval",
        paper="2310.02989",
        minimum=0,
        examples=(7,),
    )
    numerical_loss_weight: float = option(
        1.0,
        "Factor on the squared error of predicted numbers in the loss, beside the cross entropy of tokens.",
        feature="loss-xval",
        paper="2310.02989",
        minimum=0,
        examples=(0.5,),
    )
