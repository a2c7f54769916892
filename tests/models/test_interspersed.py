"""Memory tokens between tokens (2006.11527): where they stand, padding, the cache, what is returned and refused."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError
from paddle_xformers.nn.calls import StackCall

from ..contracts.cases import build, tokens

N, M, EVERY = 14, 2, 4
BETWEEN = {"num_memory_tokens": M, "memory_tokens_interspersed_every": EVERY}
NOTHING = 1e-20  # a weight that a key has which is not seen, or less
AROUND = {
    "learned": {},
    "rotary, window": {"rotary_pos_emb": True, "max_attend_past": 5},
    "shifted": {"shift_tokens": 2, "position_bias": "t5"},
    "forgetting by row": {"attn_data_dependent_alibi": True, "attn_data_dependent_alibi_per_row": True},
    "selective": {"attn_selective": True, "position_bias": "alibi"},
}
each_around = pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)
# Tokens and padding of four rows; those of the third are not next to each other.
PADDED = np.array(
    [[0] * 5 + [1] * 9, [1] * 14, [1, 1, 0, 1, 0, 0, 1, 1, 1, 1, 1, 0, 1, 1], [1] * 7 + [0] * 7], dtype="int64"
)


def model_of(around=None, **fields):
    return build({**BETWEEN, **(around or {}), **fields})


def padded_rows(model):
    """Ids of rows with padding, and what each row gives alone."""
    ids = tokens(len(PADDED)).numpy()
    alone = [model(paddle.to_tensor(ids[row : row + 1, keep > 0])).numpy()[0] for row, keep in enumerate(PADDED)]
    return paddle.to_tensor(ids), alone


def assert_rows(found, alone):
    for row, keep in enumerate(PADDED):
        np.testing.assert_allclose(found[row, keep > 0], alone[row], atol=1e-5)


@each_around
def test_they_stand_in_front_of_every_segment(around):
    """The sequence put together by hand, as a stack without such a field reads it."""
    model, ids = model_of(around), tokens()
    base = model.xdecoder
    places = paddle.arange(N).unsqueeze(0)
    x, memory = base.embeddings(ids, places), base.memory_tokens.weight.unsqueeze(0).expand([2, -1, -1])
    parts = [part for at in range(0, N, EVERY) for part in (memory, x[:, at : at + EVERY])]
    whole = paddle.concat(parts, axis=1)
    counted = paddle.arange(whole.shape[1] - M).unsqueeze(0)
    hidden = base.stack(whole, counted, StackCall(lead=M)).hidden
    own = [at + M * (at // EVERY + 1) for at in range(N)]
    found = base(ids, return_dict=True).last_hidden_state.numpy()
    np.testing.assert_allclose(found, hidden.numpy()[:, own], atol=1e-5)


@each_around
def test_a_row_with_padding_gives_what_it_gives_alone(around):
    model = model_of(around)
    ids, alone = padded_rows(model)
    assert_rows(model(ids, attention_mask=paddle.to_tensor(PADDED)).numpy(), alone)
    floats = paddle.to_tensor(np.where(PADDED > 0, 0, -1e4).astype("float32"))
    assert_rows(model(ids, attention_mask=floats).numpy(), alone)


@pytest.mark.parametrize("told", [True, False], ids=["mask at every call", "mask at the first calls"])
@each_around
def test_rows_with_padding_in_pieces_with_a_cache(around, told):
    """Their segments begin at different calls; without a mask in the last calls the cache knows of the padding."""
    model = model_of(around)
    ids, alone = padded_rows(model)
    ends, cache, found = [0, 3, 4, 8, 12, 13, 14], None, []
    for start, stop in zip(ends, ends[1:], strict=False):
        mask = paddle.to_tensor(PADDED[:, :stop])
        given = mask if told or stop <= 12 else None
        output = model(
            ids[:, start:stop], attention_mask=given, past_key_values=cache, use_cache=True, return_dict=True
        )
        cache = output.past_key_values
        found.append(output.logits.numpy())
    rows = slice(None) if told else slice(0, 3)  # the last row has padding in its last calls, which nobody told of
    found = np.concatenate(found, 1)[rows]
    for row, keep in enumerate(PADDED[rows]):
        np.testing.assert_allclose(found[row, keep > 0], alone[row], atol=1e-5)


@pytest.mark.parametrize("n", range(1, N + 1))
def test_the_cache_holds_no_more_than_what_stands_in_it(n):
    model, ids = model_of(), tokens()
    cache = model(ids[:, :n], use_cache=True, return_dict=True).past_key_values
    segments = -(-n // EVERY)
    assert cache[0][0].shape == [2, n + M * segments]
    assert cache[1][0].shape[2] == n + M * segments
    by_one = None
    for at in range(n):
        step = ids[:, at : at + 1]
        by_one = model(step, past_key_values=by_one, use_cache=True, return_dict=True).past_key_values
    np.testing.assert_array_equal(by_one[0][0].numpy(), cache[0][0].numpy())
    np.testing.assert_allclose(by_one[-1][0].numpy(), cache[-1][0].numpy(), atol=1e-5)


@pytest.mark.parametrize("masked", [False, True])
def test_what_is_returned_is_about_tokens(masked):
    model, ids = model_of(rotary_pos_emb=True), tokens()
    mask = paddle.ones([2, N], dtype="int64") if masked else None
    asked = {"output_attentions": True, "output_hidden_states": True, "use_cache": True, "return_dict": True}
    whole = model(ids, attention_mask=mask, **asked)
    assert all(weights.shape == [2, 4, N, N] for weights in whole.attentions)
    assert all(states.shape == [2, N, 32] for states in whole.hidden_states)
    hidden = np.triu(np.ones([N, N]), 1) > 0
    for weights in whole.attentions:
        weights = weights.numpy()
        assert (weights[:, :, hidden] < NOTHING).all()
        assert (weights[:, :, ~hidden] > NOTHING).all()
        assert (weights.sum(-1) < 1).all()  # the rest goes to memory tokens
    first = model(ids[:, :9], attention_mask=None if mask is None else mask[:, :9], **asked)
    second = model(ids[:, 9:], attention_mask=mask, past_key_values=first.past_key_values, **asked)
    for late, weights in zip(second.attentions, whole.attentions, strict=True):
        assert late.shape == [2, 4, N - 9, N]
        np.testing.assert_allclose(late.numpy(), weights[:, :, 9:].numpy(), atol=1e-5)


@pytest.mark.parametrize("strategy", [{}, {"decode_strategy": "beam_search", "num_beams": 3}], ids=["greedy", "beams"])
def test_prompts_of_different_lengths_are_continued_as_alone(strategy):
    model = model_of(rotary_pos_emb=True, eos_token_id=None)
    ids = tokens().numpy()
    ids[0, :5] = 0
    mask = np.ones_like(ids)
    mask[0, :5] = 0
    settings = {"max_new_tokens": 11, **strategy}
    found = model.generate(paddle.to_tensor(ids), attention_mask=paddle.to_tensor(mask), **settings)[0].numpy()
    for row, start in enumerate((5, 0)):
        alone = model.generate(paddle.to_tensor(ids[row : row + 1, start:]), **settings)[0].numpy()
        np.testing.assert_array_equal(found[row], alone[0])


def test_prompts_without_padding_keep_a_cache_without_room(monkeypatch):
    """PaddleNLP makes a mask for every prompt; one that hides nothing would cost places for memory tokens a step."""
    model, lengths = model_of(eos_token_id=None), []
    carry = model.carry_cache

    def seen(outputs, model_kwargs):
        lengths.append(outputs.past_key_values[0][0].shape[1])
        carry(outputs, model_kwargs)

    monkeypatch.setattr(model, "carry_cache", seen)
    model.generate(tokens(), max_new_tokens=6)
    assert lengths == [n + M * -(-n // EVERY) for n in range(N, N + 5)]


def test_positions_of_the_caller_move_tokens_and_no_segments():
    model, ids = model_of(rotary_pos_emb=True, use_abs_pos_emb=False), tokens()
    moved = paddle.arange(N).unsqueeze(0) + 30
    whole = model(ids, position_ids=moved, use_cache=True, return_dict=True)
    gaps = [at + M * (at // EVERY) for at in range(N)]
    kept = whole.past_key_values[0][0].numpy()
    np.testing.assert_array_equal(kept[0, [M + gap for gap in gaps]], [30 + gap for gap in gaps])
    first = model(ids[:, :6], position_ids=moved[:, :6], use_cache=True, return_dict=True)
    second = model(ids[:, 6:], past_key_values=first.past_key_values, return_dict=True)
    np.testing.assert_allclose(second.logits.numpy(), whole.logits.numpy()[:, 6:], atol=1e-4)


def test_a_mask_of_queries_and_keys_acts_as_on_tokens():
    model, ids = model_of(rotary_pos_emb=True), tokens()
    seen = np.random.default_rng(3).random([2, 1, N, N]) > 0.3
    seen |= np.eye(N, dtype=bool)
    weights = model(ids, attention_mask=paddle.to_tensor(seen), output_attentions=True, return_dict=True).attentions
    visible = np.broadcast_to(seen & np.tril(np.ones([N, N], dtype=bool)), weights[0].shape)
    for layer in weights:
        np.testing.assert_array_equal(layer.numpy() > NOTHING, visible)


def test_a_mask_of_queries_and_keys_beside_rows_that_differ_is_refused():
    model, ids = model_of(), tokens()
    mask = paddle.ones([2, 6], dtype="int64")
    cache = model(ids[:, :6], attention_mask=mask, use_cache=True, return_dict=True).past_key_values
    square = paddle.ones([2, 1, 8, N], dtype="int64")
    with pytest.raises(InputError, match=r"attention_mask has shape \[2, 1, 8, 14\].*give \(batch, tokens\)"):
        model(ids[:, 6:], attention_mask=square, past_key_values=cache)


def test_one_segment_reads_what_a_model_with_memory_in_front_reads():
    model, ids = model_of(memory_tokens_interspersed_every=N), tokens()
    plain = build({"num_memory_tokens": M})
    plain.set_state_dict(model.state_dict())
    np.testing.assert_allclose(model(ids).numpy(), plain(ids).numpy(), atol=1e-6)
