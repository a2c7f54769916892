"""What calls give back beside their result, in the form of x-transformers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import paddle
from paddle import Tensor

from ..nn.stack import Stack


@dataclass
class AttentionIntermediates:
    """What one attention layer gave.

    Args:
        post_softmax_attn: Its weights, (b, h, n, m).
        layer_type: `a` for self attention, `c` for cross attention.
    """

    post_softmax_attn: Tensor
    layer_type: str


@dataclass
class LayerIntermediates:
    """What the layers of a stack gave.

    Args:
        hiddens: The residual stream before each block, (b, n, d) each.
        last_hidden: The last hidden state, (b, n, d).
        attn_intermediates: One entry for each attention layer, in the order they ran.
        logits: The logits, (b, n, v), of a model with a head; a tuple of them with several heads.
        mems: States for the next segment, if they were asked for.
    """

    hiddens: list[Tensor] = field(default_factory=list)
    last_hidden: Tensor | None = None
    attn_intermediates: list[AttentionIntermediates] = field(default_factory=list)
    logits: Any = None
    mems: Any = None


class Mems(list):  # type: ignore[type-arg]
    """States for the next segment, (b, m, d) for each self attention layer.

    Args:
        states: The states.
        valid: Which of the m places held a token, (b, m); padding was in the others. None: all did.
    """

    def __init__(self, states: Iterable[Tensor], valid: Tensor | None = None) -> None:
        super().__init__(states)
        self.valid = valid


def mems_to_model(mems: Any) -> tuple[Tensor, ...] | None:
    """Put in front of the states which places held a token, as the models want it.

    Args:
        mems: `Mems`, or any sequence of states without padding.
    """
    if not mems:
        return None
    valid = getattr(mems, "valid", None)
    if valid is None:
        valid = paddle.ones(mems[0].shape[:2], dtype="int64")
    return (valid, *mems)


def mems_from_model(mems: tuple[Tensor, ...]) -> Mems:
    """Turn the mems of a model into a list of states."""
    return Mems(mems[1:], mems[0])


def attention_layers(stack: Stack, output: Any, order: tuple[int, ...] | None = None) -> list[AttentionIntermediates]:
    """Return what each attention layer gave, in the order they ran.

    Args:
        stack: The stack that ran.
        output: Its model's output, with attention weights.
        order: The layers that ran; None: those of the configuration.
    """
    weights = {"a": iter(output.attentions or ()), "c": iter(output.cross_attentions or ())}
    kinds = (stack.options.layers[index].kind for index in order or stack.options.order)
    return [AttentionIntermediates(next(weights[kind]), kind) for kind in kinds if kind in weights]
