"""From the last hidden state to the scores of tokens."""

from __future__ import annotations

from dataclasses import dataclass

from ..field import option


@dataclass(frozen=True)
class OutputOptions:
    """The output head of all families that predict tokens."""

    logits_dim: int | None = option(
        None,
        "Number of scores at every place; None: num_tokens. Where it is another number, generation chooses among the "
        "first num_tokens of them.",
        feature="out-logits",
        minimum=1,
        examples=(41,),
    )
    sigsoftmax_logits: bool = option(
        False,
        "Probabilities are sigsoftmax of the scores: exp(x) * sigmoid(x), normalised; it has no softmax bottleneck.",
        feature="out-sigsoftmax",
        paper="1805.10829",
    )
    mixture_of_softmax: bool = option(
        False,
        "Probabilities are a mixture of several softmaxes of one vocabulary, each of a hidden state of its own; logits "
        "are then their logarithms.",
        feature="out-mixture-of-softmax",
        paper="1711.03953",
    )
    mixture_of_softmax_k: int = option(
        4,
        "Number of softmaxes in the mixture.",
        feature="out-mixture-of-softmax",
        paper="1711.03953",
        minimum=1,
        examples=(2,),
        needs={"mixture_of_softmax": True},
    )
