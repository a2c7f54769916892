"""Arguments that cannot work are refused by one sentence with the argument, what it is and what is allowed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
import pytest

from paddle_xformers import InputError, XDecoderForCausalLM

from ..contracts.cases import build, extras, tokens

Arguments = dict[str, Any]


def floats(*shape: int) -> paddle.Tensor:
    return paddle.ones(shape, dtype="float32")


def ints(*shape: int) -> paddle.Tensor:
    return paddle.ones(shape, dtype="int64")


def cached(model: XDecoderForCausalLM, length: int = 6, b: int = 2) -> Any:
    return model(ints(b, length), use_cache=True, **extras(model, b))[1]


def mems(model: XDecoderForCausalLM, b: int = 2) -> Any:
    return model(ints(b, 6), return_mems=True, return_dict=True).mems


XL = {"max_mem_len": 4}
CROSS = {"cross_attend": True}

# name: fields of the model, arguments of the call, words of the sentence
CASES: dict[str, tuple[Arguments, Callable[[Any], Arguments], tuple[str, ...]]] = {
    "nothing": ({}, lambda m: {}, ("input_ids", "inputs_embeds")),
    "ids and embeds": (
        {},
        lambda m: {"input_ids": ints(2, 5), "inputs_embeds": floats(2, 5, 32)},
        ("input_ids", "inputs_embeds", "not both"),
    ),
    "ids of one axis": ({}, lambda m: {"input_ids": ints(5)}, ("input_ids", "[5]", "(batch, length)")),
    "ids of three axes": ({}, lambda m: {"input_ids": ints(2, 5, 1)}, ("input_ids", "[2, 5, 1]")),
    "no tokens": ({}, lambda m: {"input_ids": ints(2, 0)}, ("input_ids", "[2, 0]", "length >= 1")),
    "float ids": ({}, lambda m: {"input_ids": floats(2, 5)}, ("input_ids", "float32", "int64")),
    "bool ids": ({}, lambda m: {"input_ids": ints(2, 5).astype("bool")}, ("input_ids", "bool", "int64")),
    "id too large": ({}, lambda m: {"input_ids": ints(2, 5) * 37}, ("input_ids", "0 to 36", "num_tokens")),
    "id negative": ({}, lambda m: {"input_ids": ints(2, 5) * -1}, ("input_ids", "0 to 36", "num_tokens")),
    "embeds of two axes": ({}, lambda m: {"inputs_embeds": floats(2, 32)}, ("inputs_embeds", "[2, 32]", "emb_dim")),
    "embeds too wide": ({}, lambda m: {"inputs_embeds": floats(2, 5, 31)}, ("inputs_embeds", "[2, 5, 31]", "32")),
    "embeds of width dim": (
        {"emb_dim": 16},
        lambda m: {"inputs_embeds": floats(2, 5, 32)},
        ("inputs_embeds", "[2, 5, 32]", "16"),
    ),
    "int embeds": ({}, lambda m: {"inputs_embeds": ints(2, 5, 32)}, ("inputs_embeds", "int64")),
    "too long": ({}, lambda m: {"input_ids": ints(2, 65)}, ("65", "max_seq_len=64")),
    "too long with cache": (
        {},
        lambda m: {"input_ids": ints(2, 5), "past_key_values": cached(m, 60)},
        ("65", "max_seq_len=64"),
    ),
    "mask too short": (
        {},
        lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(2, 4)},
        ("attention_mask", "4", "5"),
    ),
    "mask too long": (
        {},
        lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(2, 6)},
        ("attention_mask", "6", "5"),
    ),
    "mask of the new tokens only": (
        {},
        lambda m: {"input_ids": ints(2, 3), "past_key_values": cached(m), "attention_mask": ints(2, 3)},
        ("attention_mask", "3 tokens", "9", "past and new"),
    ),
    "all tokens again with a cache": (
        {},
        lambda m: {"input_ids": ints(2, 7), "past_key_values": cached(m), "attention_mask": ints(2, 7)},
        ("only the new tokens",),
    ),
    "mask of one axis": ({}, lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(5)}, ("attention_mask", "[5]")),
    "mask of five axes": (
        {},
        lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(2, 1, 1, 5, 5)},
        ("attention_mask", "[2, 1, 1, 5, 5]"),
    ),
    "mask with other rows": (
        {},
        lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(3, 5)},
        ("attention_mask", "[3, 5]"),
    ),
    "mask with other queries": (
        {},
        lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(2, 1, 3, 5)},
        ("attention_mask", "[2, 1, 3, 5]"),
    ),
    "mask with other heads": (
        {},
        lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(2, 3, 5, 5)},
        ("attention_mask", "[2, 3, 5, 5]", "heads"),
    ),
    "complex mask": (
        {},
        lambda m: {"input_ids": ints(2, 5), "attention_mask": ints(2, 5).astype("complex64")},
        ("attention_mask", "complex64"),
    ),
    "positions of another length": (
        {},
        lambda m: {"input_ids": ints(2, 5), "position_ids": ints(2, 4)},
        ("position_ids", "[2, 4]", "5"),
    ),
    "positions of other rows": (
        {},
        lambda m: {"input_ids": ints(2, 5), "position_ids": ints(3, 5)},
        ("position_ids", "[3, 5]"),
    ),
    "positions beyond the table": (
        {},
        lambda m: {"input_ids": ints(2, 5), "position_ids": ints(2, 5) * 64},
        ("position_ids", "max_seq_len", "64"),
    ),
    "float positions": (
        {},
        lambda m: {"input_ids": ints(2, 5), "position_ids": floats(2, 5)},
        ("position_ids", "float32"),
    ),
    "mems without room": ({}, lambda m: {"input_ids": ints(2, 5), "mems": (ints(2, 4),)}, ("mems", "max_mem_len")),
    "return_mems without room": (
        {},
        lambda m: {"input_ids": ints(2, 5), "return_mems": True},
        ("return_mems", "max_mem_len"),
    ),
    "mems and a cache": (
        XL,
        lambda m: {"input_ids": ints(2, 5), "mems": mems(m), "past_key_values": cached(m)},
        ("mems", "past_key_values"),
    ),
    "mems of too few layers": (XL, lambda m: {"input_ids": ints(2, 5), "mems": mems(m)[:-1]}, ("mems", "2")),
    "mems of other rows": (XL, lambda m: {"input_ids": ints(2, 5), "mems": mems(m, 3)}, ("mems", "3", "2")),
    "context without cross attention": (
        {},
        lambda m: {"input_ids": ints(2, 5), "encoder_hidden_states": floats(2, 6, 32)},
        ("encoder_hidden_states", "cross_attend=False"),
    ),
    "context mask without cross attention": (
        {},
        lambda m: {"input_ids": ints(2, 5), "encoder_attention_mask": ints(2, 6)},
        ("encoder_attention_mask", "cross_attend=False"),
    ),
    "cross attention without context": (
        CROSS,
        lambda m: {"input_ids": ints(2, 5)},
        ("encoder_hidden_states", "cross_attend=True"),
    ),
    "context too wide": (
        CROSS,
        lambda m: {"input_ids": ints(2, 5), "encoder_hidden_states": floats(2, 6, 31)},
        ("encoder_hidden_states", "[2, 6, 31]", "32"),
    ),
    "context of two axes": (
        CROSS,
        lambda m: {"input_ids": ints(2, 5), "encoder_hidden_states": floats(2, 32)},
        ("encoder_hidden_states", "[2, 32]"),
    ),
    "context of other rows": (
        CROSS,
        lambda m: {"input_ids": ints(2, 5), "encoder_hidden_states": floats(3, 6, 32)},
        ("encoder_hidden_states", "3", "2"),
    ),
    "context mask of another length": (
        CROSS,
        lambda m: {
            "input_ids": ints(2, 5),
            "encoder_hidden_states": floats(2, 6, 32),
            "encoder_attention_mask": ints(2, 5),
        },
        ("encoder_attention_mask", "5", "6"),
    ),
    "context mask too long": (
        CROSS,
        lambda m: {
            "input_ids": ints(2, 5),
            "encoder_hidden_states": floats(2, 6, 32),
            "encoder_attention_mask": ints(2, 7),
        },
        ("encoder_attention_mask", "7", "6"),
    ),
    "cache of other rows": (
        {},
        lambda m: {"input_ids": ints(2, 1), "past_key_values": cached(m, 6, 3)},
        ("past_key_values", "3", "2"),
    ),
    "cache of another model": (
        {},
        lambda m: {"input_ids": ints(2, 1), "past_key_values": cached(build({"depth": 1}))},
        ("past_key_values", "2"),
    ),
}


@pytest.mark.parametrize("fields, arguments, words", CASES.values(), ids=CASES)
def test_refused(fields, arguments, words):
    model = build(fields)
    given = arguments(model)
    with pytest.raises(InputError) as caught:
        model(**given)
    sentence = str(caught.value)
    assert 30 < len(sentence) < 400
    for word in words:
        assert word in sentence


def test_a_refused_call_leaves_the_model_usable():
    model = build({})
    before = model(tokens()).numpy()
    with pytest.raises(InputError):
        model(ints(2, 5) * 99)
    assert (model(tokens()).numpy() == before).all()
