"""Mems: what the layers read of the segment before (Transformer-XL, 1901.02860)."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from ..contracts.cases import build, tokens

N, SPLIT = 14, 6
ONE_LAYER = {"depth": 1, "max_mem_len": 16}
# Positions by distance only: a segment that counts from zero again sees its mems at the right distance.
RELATIVE = {
    "rotary": {"rotary_pos_emb": True},
    "alibi": {"position_bias": "alibi", "position_embedding": "none"},
    "t5": {"position_bias": "t5"},
}
MEMORY = {"": {}, "memory tokens": {"num_memory_tokens": 2}}
MEMORY["memory between"] = {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 2}
each_memory = pytest.mark.parametrize("memory", MEMORY.values(), ids=MEMORY)
each_scheme = pytest.mark.parametrize("scheme", RELATIVE.values(), ids=RELATIVE)


def segment(model, ids, mems=None, **kwargs):
    return model(ids, mems=mems, return_mems=True, return_dict=True, **kwargs)


def two_segments(model, ids, split=SPLIT, **second):
    first = segment(model, ids[:, :split])
    return segment(model, ids[:, split:], first.mems, **second)


@each_scheme
def test_mems_change_the_second_segment(scheme):
    model, ids = build({**scheme, "max_mem_len": 16}), tokens()
    found = two_segments(model, ids).logits.numpy()
    assert np.abs(found - model(ids[:, SPLIT:]).numpy()).max() > 1e-3


@each_scheme
@pytest.mark.parametrize("more", [{}, {"attn_kv_heads": 1}, {"norm_placement": "post"}], ids=str)
def test_one_layer_with_all_mems_equals_one_long_pass(scheme, more):
    model, ids = build({**ONE_LAYER, **scheme, **more}), tokens()
    whole = model(ids).numpy()
    for split in (1, SPLIT, N - 1):
        found = two_segments(model, ids, split).logits.numpy()
        np.testing.assert_allclose(found, whole[:, split:], atol=1e-4)


@each_scheme
def test_mems_run_on_over_many_segments(scheme):
    model, ids = build({**ONE_LAYER, **scheme}), tokens()
    whole, mems, start = model(ids).numpy(), None, 0
    for size in (3, 1, 5, 2, 3):
        output = segment(model, ids[:, start : start + size], mems)
        np.testing.assert_allclose(output.logits.numpy(), whole[:, start : start + size], atol=1e-4)
        mems, start = output.mems, start + size
        assert mems[1].shape == [2, start, 32]


@each_scheme
def test_mems_are_the_last_max_mem_len_places(scheme):
    model, ids = build({**scheme, "depth": 1, "max_mem_len": 4}), tokens()
    mems = segment(model, ids[:, :SPLIT]).mems
    assert [list(part.shape) for part in mems] == [[2, 4], [2, 4, 32]]
    found = segment(model, ids[:, SPLIT:], mems).logits
    # What stood before them is not seen: the long pass with a mask over the first two tokens.
    mask = paddle.tril(paddle.ones([1, 1, N, N], dtype="int64"))
    mask[:, :, SPLIT:, : SPLIT - 4] = 0
    np.testing.assert_allclose(found.numpy(), model(ids, attention_mask=mask)[:, SPLIT:].numpy(), atol=1e-4)


def test_two_layers_read_what_they_left_before():
    """By hand: the layers of the second segment see the first one's inputs to the same layer."""
    model, ids = build({"rotary_pos_emb": True, "max_mem_len": 16}), tokens()
    first = segment(model, ids[:, :SPLIT])
    hidden = model(ids[:, :SPLIT], output_hidden_states=True, return_dict=True).hidden_states
    for level in (0, 1):
        np.testing.assert_allclose(first.mems[level + 1].numpy(), hidden[level].numpy(), atol=1e-5)


def test_shift_mem_down_hands_each_layer_the_mem_of_the_one_above():
    plain, shifted = (
        build({"rotary_pos_emb": True, "max_mem_len": 16, "depth": 3, "shift_mem_down": shift}) for shift in (0, 1)
    )
    ids = tokens()
    mems = segment(plain, ids[:, :SPLIT]).mems
    np.testing.assert_allclose(segment(shifted, ids[:, :SPLIT]).mems[2].numpy(), mems[2].numpy(), atol=1e-5)
    found = segment(shifted, ids[:, SPLIT:], mems).logits.numpy()
    reordered = (mems[0], mems[2], mems[3], mems[1])
    np.testing.assert_allclose(found, segment(plain, ids[:, SPLIT:], reordered).logits.numpy(), atol=1e-5)
    assert np.abs(found - segment(plain, ids[:, SPLIT:], mems).logits.numpy()).max() > 1e-3


@each_memory
@pytest.mark.parametrize("side", ["left", "right"])
@each_scheme
def test_padded_segments_equal_rows_alone(scheme, side, memory):
    model = build({**scheme, **memory, "max_mem_len": 16})
    lengths, rows = [3, SPLIT], [tokens(1, seed=7), tokens(1, seed=8)]
    ids, mask = np.zeros([2, SPLIT], dtype="int64"), np.zeros([2, SPLIT], dtype="int64")
    for row, length in enumerate(lengths):
        place = slice(SPLIT - length, None) if side == "left" else slice(length)
        ids[row, place], mask[row, place] = rows[row][0, :length].numpy(), 1
    first = segment(model, paddle.to_tensor(ids), attention_mask=paddle.to_tensor(mask))
    second_ids = paddle.concat([row[:, SPLIT:] for row in rows])
    batch = segment(model, second_ids, first.mems).logits.numpy()
    for row, length in enumerate(lengths):
        alone = segment(model, rows[row][:, :length])
        expected = segment(model, rows[row][:, SPLIT:], alone.mems).logits.numpy()
        np.testing.assert_allclose(batch[row], expected[0], atol=1e-4)


def test_padding_in_the_second_segment():
    model, ids = build({"rotary_pos_emb": True, "max_mem_len": 8}), tokens()
    mems = segment(model, ids[:, :SPLIT]).mems
    mask = paddle.ones([2, N - SPLIT], dtype="int64")
    mask[0, :3] = 0
    batch = segment(model, ids[:, SPLIT:], mems, attention_mask=mask).logits.numpy()
    alone = segment(model, ids[:1, SPLIT + 3 :], tuple(part[:1] for part in mems)).logits.numpy()
    np.testing.assert_allclose(batch[:1, 3:], alone, atol=1e-4)


def test_mems_carry_no_gradient_but_the_segment_does():
    model, ids = build({"rotary_pos_emb": True, "max_mem_len": 16}), tokens()
    model.train()
    first = segment(model, ids[:, :SPLIT], labels=ids[:, :SPLIT])
    assert all(part.stop_gradient for part in first.mems)
    second = segment(model, ids[:, SPLIT:], first.mems, labels=ids[:, SPLIT:])
    second.loss.backward()
    gradient = model.get_input_embeddings().weight.grad.numpy()
    used = set(ids[:, SPLIT:-1].numpy().ravel())
    only_before = set(ids[:, :SPLIT].numpy().ravel()) - set(ids[:, SPLIT:].numpy().ravel())
    assert all(np.abs(gradient[token]).max() > 0 for token in used)
    assert only_before and all(np.abs(gradient[token]).max() == 0 for token in only_before)
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None and np.abs(parameter.grad.numpy()).max() > 0, name


def test_recompute_changes_nothing():
    losses = []
    for on in (False, True):
        model, ids = build({"rotary_pos_emb": True, "max_mem_len": 16}), tokens()
        model.train()
        if on:
            model.recompute_enable()
        output = two_segments(model, ids, labels=ids[:, SPLIT:])
        output.loss.backward()
        losses.append((float(output.loss), model.get_input_embeddings().weight.grad.numpy()))
    assert losses[0][0] == pytest.approx(losses[1][0], rel=1e-6)
    np.testing.assert_allclose(losses[0][1], losses[1][1], atol=1e-6)


@each_memory
@each_scheme
def test_cached_decoding_with_mems_equals_one_pass(scheme, memory):
    model = build({**scheme, **memory, "max_mem_len": 4})
    ids = tokens()
    mems = segment(model, ids[:, :SPLIT]).mems
    later = ids[:, SPLIT:]
    whole = segment(model, later, mems).logits.numpy()
    output = model(later[:, :3], mems=mems, use_cache=True, return_dict=True)
    parts = [output.logits.numpy()]
    for i in range(3, N - SPLIT):
        cache = output.past_key_values
        output = model(later[:, i : i + 1], past_key_values=cache, use_cache=True, return_dict=True)
        parts.append(output.logits.numpy())
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-4)


@pytest.mark.parametrize("strategy", [{}, {"decode_strategy": "beam_search", "num_beams": 3}], ids=["greedy", "beams"])
@each_memory
def test_generation_with_mems(memory, strategy):
    model = build({"rotary_pos_emb": True, "max_mem_len": 16, **memory}, eos_token_id=None)
    ids = tokens()
    mems = segment(model, ids[:, :SPLIT]).mems
    arguments = {"max_new_tokens": 6, **strategy}
    cached, uncached = (
        model.generate(ids[:, SPLIT:], mems=mems, use_cache=on, **arguments)[0].numpy() for on in (True, False)
    )
    np.testing.assert_array_equal(cached, uncached)
    assert (cached != model.generate(ids[:, SPLIT:], **arguments)[0].numpy()).any()


def test_memory_tokens_stand_between_mems_and_tokens():
    """Memory tokens see the mems, are no part of the next mems, and the model still tells segments apart."""
    model, ids = build({"rotary_pos_emb": True, "max_mem_len": 16, "num_memory_tokens": 3}), tokens()
    first = segment(model, ids[:, :SPLIT])
    assert first.logits.shape == [2, SPLIT, 37]
    second = segment(model, ids[:, SPLIT:], first.mems)
    assert second.logits.shape == [2, N - SPLIT, 37]
    assert np.abs(second.logits.numpy() - model(ids[:, SPLIT:]).numpy()).max() > 1e-3
    tokens_left = first.mems[1].shape[1]
    assert tokens_left in (SPLIT, SPLIT + 3)
    assert [part.shape[1] for part in first.mems] == [tokens_left] * 3


def test_mems_in_half_the_rows_may_be_reordered():
    """A leaf a row: mems can be picked by row like a cache."""
    model, ids = build({"rotary_pos_emb": True, "max_mem_len": 8}), tokens()
    mems = segment(model, ids[:, :SPLIT]).mems
    swapped = tuple(part[[1, 0]] for part in mems)
    found = segment(model, ids[:, SPLIT:].flip(0), swapped).logits.flip(0)
    np.testing.assert_allclose(found.numpy(), segment(model, ids[:, SPLIT:], mems).logits.numpy(), atol=1e-5)


def test_stochastic_depth_keeps_the_shape_of_the_mems():
    model, ids = build({"rotary_pos_emb": True, "max_mem_len": 8, "layer_dropout": 0.9, "depth": 3}), tokens()
    model.train()
    mems = None
    for _ in range(5):
        mems = segment(model, ids, mems).mems
        assert [list(part.shape) for part in mems] == [[2, 8]] + [[2, 8, 32]] * 3
