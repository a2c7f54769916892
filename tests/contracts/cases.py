"""The cases of the contracts, made from the declarations: every field with every example value is a case.

Nothing here names an option. A new field adds its cases by being declared; a field without an example fails
`test_every_field_has_a_case`.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM
from paddle_xformers.config import schema

SMALL = {
    "num_tokens": 37,
    "dim": 32,
    "depth": 2,
    "heads": 4,
    "attn_dim_head": 8,
    "max_seq_len": 64,
    "bos_token_id": 1,
    "eos_token_id": 2,
    "pad_token_id": 0,
}
LENGTH = 14
CONTEXT_LENGTH = 6


@dataclass(frozen=True)
class Case:
    """One configuration to hold the contracts against.

    Args:
        name: For the test's name.
        values: Fields beside those of SMALL.
        field: The field under test.
        base: `values` without the field under test, for the contract that every option has an effect.
    """

    name: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    field: str = ""
    base: dict[str, Any] = dataclasses.field(default_factory=dict)


def all_cases() -> list[Case]:
    cases = [Case("default")]
    for info in schema().values():
        for example in info.examples:
            around = {**info.needs, **info.beside}
            # Streams and their number only make sense together: without one there is no other.
            base = {} if info.name == "num_residual_streams" else around
            values = {**around, info.name: example}
            cases.append(Case(f"{info.name}={example}".replace(" ", ""), values, info.name, base))
    return cases


CASES = all_cases()
IDS = [case.name for case in CASES]


def build(values: dict[str, Any], *, seed: int = 0, redraw: bool = True, **more: Any) -> XDecoderForCausalLM:
    """A small model in eval mode; `redraw` gives every parameter a value, also those that start at zero."""
    paddle.seed(seed)
    model = XDecoderForCausalLM(XDecoderConfig(**{**SMALL, **values, **more}))
    if redraw:
        rng = np.random.default_rng(seed)
        for name, parameter in model.named_parameters():
            scale = 0.2 if parameter.ndim > 1 else 0.1
            noise = rng.normal(0, scale, parameter.shape).astype("float32")
            gain = 1.0 if name.endswith("norm.weight") else 0.0
            parameter.set_value(paddle.to_tensor(noise + gain))
    model.eval()
    return model


def tokens(b: int = 2, n: int = LENGTH, *, seed: int = 1, vocabulary: int = 37) -> paddle.Tensor:
    return paddle.to_tensor(np.random.default_rng(seed).integers(3, vocabulary, (b, n)))


def extras(model: XDecoderForCausalLM, b: int = 2) -> dict[str, Any]:
    """Further inputs that the configuration asks for: a context for cross attention."""
    if not model.config.cross_attend:
        return {}
    width = model.config.cross_attn_dim_context or model.config.dim
    context = np.random.default_rng(5).normal(size=(b, CONTEXT_LENGTH, width)).astype("float32")
    return {"encoder_hidden_states": paddle.to_tensor(context)}


def logits(model: XDecoderForCausalLM, ids: paddle.Tensor, **kwargs: Any) -> np.ndarray:
    merged = {**extras(model, ids.shape[0]), **kwargs}
    return model(ids, return_dict=True, **merged).logits.numpy()
