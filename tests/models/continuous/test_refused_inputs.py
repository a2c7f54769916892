"""Arguments that cannot work are refused by one sentence with the argument, what it is and what is allowed."""

from __future__ import annotations

import re

import paddle
import pytest

from paddle_xformers import ConfigError, InputError, XContinuousConfig, XContinuousForRegression

from .vectors import CAUSAL, SMALL, build, vectors


def ints(*shape: int) -> paddle.Tensor:
    return paddle.ones(shape, dtype="int64")


def test_fields_about_order_are_refused_where_there_is_none():
    with pytest.raises(ConfigError, match="attn_selective=True .*causal=False.*set causal=True or leave it out"):
        XContinuousForRegression(XContinuousConfig(**SMALL, attn_selective=True))


XL = {**CAUSAL, "max_mem_len": 4}
# name: fields of the model, arguments of the call, words of the sentence
CASES = {
    "nothing": ({}, lambda m: {"inputs": None}, ("inputs is missing", "(batch, length, 6)")),
    "another width": ({}, lambda m: {"inputs": vectors(width=7)}, ("inputs", "[2, 10, 7]", "6", "dim_in")),
    "another width, no projection": ({"dim_in": None}, lambda m: {}, ("inputs", "[2, 10, 6]", "32", "dim")),
    "two axes": ({}, lambda m: {"inputs": vectors()[0]}, ("inputs", "[10, 6]", "(batch, length, 6)")),
    "no vectors": ({}, lambda m: {"inputs": vectors()[:, :0]}, ("inputs", "[2, 0, 6]", "length >= 1")),
    "ints": ({}, lambda m: {"inputs": ints(2, 10, 6)}, ("inputs", "int64", "floating point")),
    "bools": ({}, lambda m: {"inputs": ints(2, 10, 6) > 0}, ("inputs", "bool", "floating point")),
    "too many": ({}, lambda m: {"inputs": vectors(n=33)}, ("33", "max_seq_len=32")),
    "lens and mask": (
        {},
        lambda m: {"lens": ints(2), "attention_mask": ints(2, 10)},
        ("lens and attention_mask", "give one"),
    ),
    "lens of another batch": ({}, lambda m: {"lens": ints(3)}, ("lens", "[3]", "[2]")),
    "lens of two axes": ({}, lambda m: {"lens": ints(2, 1)}, ("lens", "[2, 1]", "[2]")),
    "float lens": ({}, lambda m: {"lens": paddle.ones([2])}, ("lens", "float32", "int64")),
    "lens and cache": (
        CAUSAL,
        lambda m: {"lens": ints(2), "past_key_values": m(vectors(), use_cache=True)[1]},
        ("lens", "past_key_values", "attention_mask"),
    ),
    "cache of both directions": ({}, lambda m: {"use_cache": True}, ("use_cache", "causal=True", "causal=False")),
    "past of both directions": (
        {},
        lambda m: {"past_key_values": ((ints(2, 3),),)},
        ("past_key_values", "causal=True"),
    ),
    "labels of another width": (
        {"dim_out": 5},
        lambda m: {"labels": vectors()},
        ("labels", "[2, 10, 6]", "[2, 10, 5]", "dim_out"),
    ),
    "labels of another length": ({}, lambda m: {"labels": vectors(n=9)}, ("labels", "[2, 9, 6]", "[2, 10, 6]")),
    "int labels": ({}, lambda m: {"labels": ints(2, 10, 6)}, ("labels", "int64", "floating point")),
    "mems without room": (CAUSAL, lambda m: {"return_mems": True}, ("mems", "max_mem_len > 0")),
    "mems of another model": (XL, lambda m: {"mems": (ints(2, 4),)}, ("mems", "0 layers", "2")),
    "mask of another batch": ({}, lambda m: {"attention_mask": ints(3, 10)}, ("attention_mask", "[3, 10]", "2 rows")),
    "mask of another length": ({}, lambda m: {"attention_mask": ints(2, 9)}, ("attention_mask", "9", "10")),
    "positions": ({}, lambda m: {"position_ids": ints(2, 9)}, ("position_ids", "[2, 9]", "(2, 10)")),
    "positions off the table": ({}, lambda m: {"position_ids": ints(10) * 32}, ("position_ids", "0 to 31")),
    "context nobody looks at": ({}, lambda m: {"encoder_hidden_states": vectors()}, ("cross_attend=False",)),
    "no context": ({"cross_attend": True}, lambda m: {}, ("cross_attend=True", "encoder_hidden_states")),
    "context of another width": (
        {"cross_attend": True},
        lambda m: {"encoder_hidden_states": vectors()},
        ("encoder_hidden_states", "[2, 10, 6]", "(2, length, 32)"),
    ),
}


@pytest.mark.parametrize(("fields", "arguments", "words"), CASES.values(), ids=CASES)
def test_refused(fields, arguments, words):
    model = build(**fields)
    given = {"inputs": vectors(), **arguments(model)}
    with pytest.raises(InputError, match=".*".join(map(re.escape, words))):
        model(**given)
    if "labels" not in given:
        with pytest.raises(InputError, match=".*".join(map(re.escape, words))):
            model.xcontinuous(**given)


@pytest.mark.parametrize(
    "work", [lambda m: m.get_input_embeddings(), lambda m: m.resize_token_embeddings(9)], ids=["get", "resize"]
)
def test_there_is_no_vocabulary(work):
    with pytest.raises(InputError, match="XContinuousForRegression reads no tokens: it has no token embedding"):
        work(build())
    config = XContinuousConfig()
    assert not hasattr(config, "vocab_size") and "num_tokens" not in config.fields()


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"dim_in": 0}, "dim_in=0 is too small"),
        ({"dim_out": 2.5}, "dim_out=2.5 is a float"),
        ({"causal": "yes"}, "causal='yes' is a str"),
        ({"regression_loss": "huber"}, "regression_loss='huber' is not a known name; allowed is one of 'mse', 'l1'"),
        ({"dim_out": None, "probabilistic": True}, "probabilistic=True .* dim_out=None; set dim_out"),
        ({"regression_target": "next"}, "regression_target='next' .* causal=False"),
        ({"dim_in": None, "input_bias": True}, "input_bias=True has no effect while dim_in=None"),
    ],
)
def test_refused_fields(fields, words):
    with pytest.raises(ConfigError, match=words):
        XContinuousForRegression(XContinuousConfig(**{**SMALL, **fields}))


def test_no_limit_of_length_in_any_spelling():
    for given in ({"max_seq_len": None}, {"max_position_embeddings": None}, {"max_seq_len": 0}):
        assert XContinuousConfig(**given).max_seq_len == 0
    assert XContinuousConfig.from_dict({"max_seq_len": 7}, max_seq_len=None).max_seq_len == 0
    assert XContinuousConfig(use_l1_loss=True).regression_loss == "l1"
    with pytest.raises(ConfigError, match="did you mean .*causal"):
        XContinuousConfig(causall=True)
