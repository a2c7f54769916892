"""Small wrappers and inputs, shared by the tests of this folder."""

from __future__ import annotations

from typing import Any

import paddle

from paddle_xformers import Decoder, Encoder, TransformerWrapper

STACK = {"dim": 32, "depth": 2, "heads": 4, "attn_dim_head": 8}
AROUND = {"num_tokens": 50, "max_seq_len": 24}


def language_model(layers: type = Decoder, around: dict[str, Any] | None = None, **stack: Any) -> TransformerWrapper:
    """A small language model in eval mode."""
    model = TransformerWrapper(**{**AROUND, **(around or {})}, attn_layers=layers(**{**STACK, **stack}))
    model.eval()
    return model


def encoder_model(around: dict[str, Any] | None = None, **stack: Any) -> TransformerWrapper:
    """The same around an encoder."""
    return language_model(Encoder, around, **stack)


def tokens(b: int = 2, n: int = 12, low: int = 0) -> paddle.Tensor:
    return paddle.randint(low, AROUND["num_tokens"], (b, n))


def without_gradient(model: paddle.nn.Layer) -> list[str]:
    return [name for name, value in model.named_parameters() if value.grad is None]
