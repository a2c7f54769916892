"""What a caller puts into single layers, against x-transformers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from test_parity_wrappers import (
    CONTEXT,
    CONTEXT_MASK,
    EXTRA,
    IDS,
    RIGHT,
    STATES,
    Program,
    bare,
    compare,
    language,
)

DRAW = np.random.default_rng(11)
FRONT = DRAW.normal(size=(2, 2, 2, 4, 3, 8)).astype("float32")  # of two layers, keys and values, (b, h, m, w)
FRONT_SEEN = np.array([[True, False, True], [False, False, True]])
RESIDUALS = DRAW.normal(size=(2, 2, 12, 32)).astype("float32")
CONTEXT_RESIDUALS = DRAW.normal(size=(2, 2, 5, 32)).astype("float32")


def pairs(t: Any, layers: int = 2, heads: int = 4) -> list[Any]:
    return [tuple(t(np.ascontiguousarray(part[:, :heads])) for part in entry) for entry in FRONT[:layers]]


def front(name: str, options: dict[str, Any], layers: int = 2, heads: int = 4, **given: Any) -> Program:
    """A language model with keys and values in front; arrays among what is given become tensors."""

    def call(model: Any, t: Any) -> Any:
        arrays = {key: t(value) if isinstance(value, np.ndarray) else value for key, value in given.items()}
        return model(t(IDS), self_attn_additional_kv=pairs(t, layers, heads), **arrays)

    return Program(name, language("Decoder", **options), call, given.get("mask"))


PROGRAMS = [
    front("keys in front", {"rotary_pos_emb": True}),
    front("keys in front of the top", {}, layers=1),
    front("keys in front of the bottom", {}, layers=1, route_additional_kv_to_top=False),
    front("keys in front, detached", {}, detach_additional_kv=True),
    front("few heads in front", {}, heads=2),
    front("as many heads in front", {"attn_kv_heads": 2}, heads=2),
    front("more heads in front", {"attn_kv_heads": 2}),
    front("fewer heads in front", {"attn_kv_heads": 2}, heads=1),
    front("keys in front, mask", {"attn_qk_norm": True}, additional_kv_mask=FRONT_SEEN),
    front("keys in front, masks, learned keys", {"attn_num_mem_kv": 2}, additional_kv_mask=FRONT_SEEN, mask=RIGHT),
    front("keys in front, padding", {"attn_laser": True}, mask=RIGHT),
    Program(
        "encoder, keys in front",
        language("Encoder"),
        lambda model, t: model(t(IDS), self_attn_additional_kv=pairs(t), mask=t(RIGHT)),
        RIGHT,
    ),
    Program(
        "residuals of keys and values",
        language("Decoder", rotary_pos_emb=True, attn_kv_heads=2),
        lambda model, t: model(t(IDS), self_attn_kv_residuals=t(RESIDUALS)),
    ),
    Program(
        "residual of the first keys and values",
        language("Encoder", shift_tokens=1, add_value_residual=True),
        lambda model, t: model(t(IDS), self_attn_kv_residuals=t(EXTRA)),
    ),
    Program(
        "residuals of the context",
        bare("Decoder", cross_attend=True),
        lambda model, t: model(
            t(STATES), context=t(CONTEXT), context_mask=t(CONTEXT_MASK), cross_attn_kv_residuals=t(CONTEXT_RESIDUALS)
        ),
    ),
    Program(
        "condition in attention",
        language("Decoder"),
        lambda model, t: model(t(IDS), in_attn_cond=t(EXTRA[:, 0].copy())),
    ),
    Program(
        "condition in attention, a token",
        language("Encoder", sandwich_norm=True),
        lambda model, t: model(t(IDS), in_attn_cond=t(EXTRA)),
    ),
    Program(
        "condition in attention, gate",
        language("Decoder", learned_reinject_input_gate=True),
        lambda model, t: model(t(IDS), in_attn_cond=t(EXTRA[:, 0].copy())),
    ),
    Program(
        "condition in attention, a token, gate",
        language("Encoder", learned_reinject_input_gate=True, rotary_pos_emb=True),
        lambda model, t: model(t(IDS), in_attn_cond=t(EXTRA)),
    ),
]


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda program: program.name)
def test_the_same_arguments_give_the_same_numbers(program: Program) -> None:
    compare(program)
