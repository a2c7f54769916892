"""Token shift in whole models: padding on either side, then a cache; memory tokens, mems, repeated layers, beams."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError, XEncoderConfig, XEncoderModel
from paddle_xformers.nn.attention.cache import reserve

from ..contracts.cases import SMALL, build, extras, tokens

FIELDS = {
    "shift": {"shift_tokens": 2},
    "rotary": {"shift_tokens": 3, "rotary_pos_emb": True},
    "some layers": {"shift_tokens": (0, 2, 0, 1), "position_bias": "t5"},
    "memory tokens": {"shift_tokens": 2, "num_memory_tokens": 3},
    "tied layers": {"shift_tokens": (1, 2), "weight_tie_layers": True, "depth": 3},
    "cross attention": {"shift_tokens": 2, "cross_attend": True, "position_bias": "alibi"},
    "streams": {"shift_tokens": 1, "residual": "hyper", "num_residual_streams": 2},
}
each_model = pytest.mark.parametrize("fields", FIELDS.values(), ids=FIELDS)
LENGTHS, N = [2, 5, 8], 8


def padded(side: str) -> tuple[list[paddle.Tensor], paddle.Tensor, paddle.Tensor]:
    """Prompts of different lengths: alone, and as one batch with its mask."""
    rows = [tokens(1, length, seed=length) for length in LENGTHS]
    ids, mask = np.zeros([3, N], "int64"), np.zeros([3, N], "int64")
    for row, length in enumerate(LENGTHS):
        place = slice(length) if side == "right" else slice(N - length, N)
        ids[row, place], mask[row, place] = rows[row][0].numpy(), 1
    return rows, paddle.to_tensor(ids), paddle.to_tensor(mask)


def context_of(model, row: int) -> dict[str, paddle.Tensor]:
    return {name: value[row : row + 1] for name, value in extras(model, 3).items()}


def whole(model, ids: paddle.Tensor, row: int) -> np.ndarray:
    """Logits of a row alone, in one pass."""
    return model(ids, return_dict=True, **context_of(model, row)).logits.numpy()


@each_model
@pytest.mark.parametrize("pieces", [(1, 1, 1, 1, 1), (2, 3), (4, 1)], ids=str)
@pytest.mark.parametrize("side", ["left", "right"])
def test_padded_prompts_go_on_with_a_cache_as_they_would_alone(fields, side, pieces):
    model = build(fields)
    rows, ids, mask = padded(side)
    more, later = extras(model, 3), tokens(3, 5, seed=9)
    expected = [whole(model, paddle.concat([row, later[i : i + 1]], 1), i)[0] for i, row in enumerate(rows)]
    output = model(ids, attention_mask=mask, use_cache=True, return_dict=True, **more)
    for room in (False, True):
        cache, start = output.past_key_values, 0
        for size in pieces:
            if room:
                cache = reserve(cache, model.xdecoder.stack.steps)
            piece = later[:, start : start + size]
            step = model(piece, past_key_values=cache, use_cache=True, return_dict=True, **more)
            for row, length in enumerate(LENGTHS):
                wanted = expected[row][length + start : length + start + size]
                np.testing.assert_allclose(step.logits[row].numpy(), wanted, atol=1e-4)
            cache, start = step.past_key_values, start + size


@each_model
def test_padding_between_tokens_is_no_neighbour(fields):
    """Rows of different lengths that go on with a mask over all, with a cache or without."""
    model = build(fields)
    rows, ids, mask = padded("right")
    later, more = tokens(3, 6, seed=9), extras(model, 3)
    seen = paddle.to_tensor([[0, 1, 1, 1, 1, 0], [1, 0, 1, 1, 0, 0], [1, 1, 1, 1, 1, 1]])
    both = {"attention_mask": paddle.concat([mask, seen], 1)}
    at_once = model(paddle.concat([ids, later], 1), return_dict=True, **both, **more).logits[:, N:].numpy()
    cache = model(ids, attention_mask=mask, use_cache=True, return_dict=True, **more).past_key_values
    cached = model(later, past_key_values=cache, return_dict=True, **both, **more).logits.numpy()
    for row, length in enumerate(LENGTHS):
        kept = seen[row].numpy() > 0
        alone = paddle.concat([rows[row], paddle.to_tensor(later[row].numpy()[kept]).unsqueeze(0)], 1)
        expected = whole(model, alone, row)[0, length:]
        np.testing.assert_allclose(at_once[row][kept], expected, atol=1e-4)
        np.testing.assert_allclose(cached[row][kept], expected, atol=1e-4)


@each_model
@pytest.mark.parametrize("strategy", [{}, {"decode_strategy": "beam_search", "num_beams": 3}], ids=["greedy", "beams"])
@pytest.mark.parametrize("side", ["left", "right"])
def test_generation_from_padded_prompts(fields, side, strategy):
    model = build(fields, eos_token_id=None)
    rows, ids, mask = padded(side)
    arguments = {"max_new_tokens": 5, **strategy}
    cached, plain = (
        model.generate(ids, attention_mask=mask, use_cache=on, **arguments, **extras(model, 3))[0].numpy()
        for on in (True, False)
    )
    np.testing.assert_array_equal(cached, plain)
    if side == "right":
        return  # PaddleNLP takes the first new token from the last column, which is padding in some rows
    for row, prompt in enumerate(rows):
        alone = model.generate(prompt, **arguments, **context_of(model, row))[0][0].numpy()
        np.testing.assert_array_equal(cached[row], alone)


def test_a_token_sees_those_before_it_through_the_shift_alone():
    """Without attention nothing but the shift mixes tokens: one layer of reach 2 carries a token two places on."""
    model = build({"custom_layers": ("f",), "shift_tokens": 2, "position_embedding": "none"})
    ids = tokens(1, 9)
    changed = ids.clone()
    changed[0, 3] = ids[0, 3] % 30 + 4
    moved = np.abs((model(ids) - model(changed)).numpy()).max(-1)[0] > 1e-5
    assert moved.tolist() == [False] * 3 + [True] * 3 + [False] * 3


def test_the_cache_keeps_the_last_inputs_of_each_layer_that_shifts():
    model = build({"shift_tokens": (0, 2, 3, 0)})
    cache = model(tokens(2, 6), use_cache=True)[1]
    shapes = [[list(part.shape) for part in entry] for entry in cache[1:]]
    pair = [[2, 4, 6, 8]] * 2
    assert shapes == [pair, [[2, 2, 32]], [*pair, [2, 3, 32]]]


def test_a_cache_of_a_model_that_shifts_less_is_refused():
    cache = build({"shift_tokens": (0, 0, 1, 0)})(tokens(), use_cache=True)[1]
    with pytest.raises(InputError, match=r"past_key_values holds \[2, 3\] tensors.* keep \[3, 1, 3, 1\]"):
        build({"shift_tokens": 1})(tokens(n=1), past_key_values=cache)


def test_the_first_token_of_a_segment_has_nothing_before_it():
    """Mems are read by attention, but not shifted: as x-transformers has it."""
    model = build({"custom_layers": ("f", "a"), "shift_tokens": (2, 0), "rotary_pos_emb": True, "max_mem_len": 8})
    ids = tokens()
    first = model(ids[:, :6], return_mems=True, return_dict=True)
    second = model(ids[:, 6:], mems=first.mems, return_mems=True, return_dict=True)
    alone = model(ids[:, 6:], return_mems=True, return_dict=True)
    np.testing.assert_array_equal(second.mems[1].numpy()[:, -8:], alone.mems[1].numpy())
    assert np.abs((second.logits - alone.logits).numpy()).max() > 1e-3


@pytest.mark.parametrize("side", ["left", "right"])
def test_mems_then_a_cache_with_padding(side):
    model = build({"shift_tokens": 2, "rotary_pos_emb": True, "max_mem_len": 6, "num_memory_tokens": 1})
    before = tokens(3, 7, seed=4)
    mems = model(before, return_mems=True, return_dict=True).mems
    rows, ids, mask = padded(side)
    later = tokens(3, 3, seed=9)
    cache = model(ids, attention_mask=mask, mems=mems, use_cache=True, return_dict=True).past_key_values
    found = model(later, past_key_values=cache, return_dict=True).logits.numpy()
    for row, prompt in enumerate(rows):
        own = tuple(part[row : row + 1] for part in mems)
        alone = model(paddle.concat([prompt, later[row : row + 1]], 1), mems=own, return_dict=True).logits
        np.testing.assert_allclose(found[row], alone[0, -3:].numpy(), atol=1e-4)


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("shift", [1, 3, (0, 2, 1, 4)], ids=str)
def test_padded_rows_of_an_encoder_equal_rows_alone(shift, side):
    paddle.seed(0)
    values = {name: value for name, value in SMALL.items() if not name.startswith(("bos", "eos"))}
    model = XEncoderModel(XEncoderConfig(**values, shift_tokens=shift, num_memory_tokens=1))
    model.eval()
    rows, ids, mask = padded(side)
    batch = model(ids, attention_mask=mask)[0].numpy()
    for row, prompt in enumerate(rows):
        kept = mask[row].numpy() > 0
        np.testing.assert_allclose(batch[row][kept], model(prompt)[0][0].numpy(), atol=1e-5)
