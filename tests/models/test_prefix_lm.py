"""Prefix language models: both ways within the prefix, backwards behind it (1910.10683)."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError, XDecoderForSequenceClassification
from paddle_xformers.nn.places import within

from ..contracts.cases import build, tokens

N, P = 14, 5
PREFIX_LM = {"prefix_lm": True}
SCHEMES = {
    "learned": {},
    "rotary": {"rotary_pos_emb": True},
    "alibi": {"position_bias": "alibi"},
    "t5": {"position_bias": "t5"},
    "memory": {"num_memory_tokens": 3},
    "memory between": {"rotary_pos_emb": True, "num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
    "window": {"max_attend_past": 3},
    "shift": {"shift_tokens": 2},
    "selective": {"attn_selective": True, "num_memory_tokens": 2},
    "inverted": {"attn_inverted_attention": True},
    "hybrid": {"attn_hybrid_module": "gru"},
    "forgetting": {"attn_data_dependent_alibi": True, "num_memory_tokens": 2},
    "curves": {"attn_use_rel_proj_pos_bias": True, "attn_rel_proj_max_dist": 4},
    "dynamic": {"position_bias": "dynamic"},
}
BOTH_WAYS = ("t5", "forgetting")  # they have weights for tokens ahead
each_scheme = pytest.mark.parametrize("scheme", SCHEMES.values(), ids=SCHEMES)


def logits(model, ids, **kwargs):
    return model(ids, return_dict=True, **kwargs).logits.numpy()


def changed_at(ids, place):
    other = ids.clone()
    other[:, place] = (other[:, place] - 3 + 7) % 34 + 3
    return other


@each_scheme
def test_tokens_of_the_prefix_see_each_other_and_nobody_sees_further_ahead(scheme):
    model, ids = build({**PREFIX_LM, **scheme}), tokens()
    before = logits(model, ids, prefix_attn_len=P)
    inside = np.abs(logits(model, changed_at(ids, P - 1), prefix_attn_len=P) - before).max(axis=(0, 2))
    assert inside[: P - 1].min() > 1e-4
    behind = np.abs(logits(model, changed_at(ids, P), prefix_attn_len=P) - before).max(axis=(0, 2))
    assert behind[:P].max() < 1e-5 < 1e-3 < behind[P]


@pytest.mark.parametrize("name", SCHEMES)
def test_without_a_prefix_the_model_is_causal(name):
    scheme = SCHEMES[name]
    model, ids = build({**PREFIX_LM, **scheme}), tokens()
    causal = logits(model, ids)
    for length in (0, paddle.zeros([2], dtype="int64")):
        np.testing.assert_allclose(logits(model, ids, prefix_attn_len=length), causal, atol=1e-5)
    if name not in BOTH_WAYS:
        plain = build(scheme)
        np.testing.assert_array_equal(logits(plain, ids), causal)


def test_a_length_for_each_row():
    model, ids = build(PREFIX_LM), tokens()
    both = logits(model, ids, prefix_attn_len=paddle.to_tensor([2, 7]))
    for row, length in enumerate((2, 7)):
        alone = logits(model, ids[row : row + 1], prefix_attn_len=length)
        np.testing.assert_allclose(both[row], alone[0], atol=1e-5)


@each_scheme
def test_the_prefix_is_counted_in_tokens_whatever_side_padding_is_on(scheme):
    model, ids = build({**PREFIX_LM, **scheme}), tokens(n=9)
    alone = logits(model, ids, prefix_attn_len=P)
    for front, back in ((3, 0), (0, 3), (2, 1)):
        padded = paddle.nn.functional.pad(ids, [0, 0, front, back], value=0)
        mask = paddle.nn.functional.pad(paddle.ones_like(ids), [0, 0, front, back], value=0)
        found = logits(model, padded, attention_mask=mask, prefix_attn_len=P)[:, front : front + 9]
        np.testing.assert_allclose(found, alone, atol=1e-5)


def test_a_mask_with_more_axes_still_hides_what_it_hides():
    model, ids = build(PREFIX_LM), tokens()
    mask = paddle.ones([2, N, N], dtype="int64")
    mask[:, :, 2] = 0
    before = logits(model, ids, attention_mask=mask, prefix_attn_len=P)
    after = logits(model, changed_at(ids, 2), attention_mask=mask, prefix_attn_len=P)
    untouched = [place for place in range(N) if place != 2]
    np.testing.assert_allclose(after[:, untouched], before[:, untouched], atol=1e-5)


@each_scheme
@pytest.mark.parametrize("strategy", ["greedy_search", "beam_search"])
def test_generate_takes_the_prompt_for_the_prefix(scheme, strategy):
    model, ids = build({**PREFIX_LM, **scheme}), tokens(n=6)
    mask = paddle.ones_like(ids)
    mask[0, :2] = 0
    more = {"decode_strategy": strategy, "num_beams": 3} if strategy == "beam_search" else {}
    lengths = paddle.to_tensor([4, 6])
    found = [
        model.generate(ids, attention_mask=mask, max_new_tokens=5, eos_token_id=-1, **more, **given)
        for given in ({}, {"use_cache": False}, {"prefix_attn_len": lengths})
    ]
    for new, scores in found[1:]:
        np.testing.assert_array_equal(new.numpy(), found[0][0].numpy())
        np.testing.assert_allclose(scores.numpy(), found[0][1].numpy(), atol=1e-4)
    if strategy == "greedy_search":  # by hand, from forwards alone
        row, prompt = [], ids[1:]
        for _ in range(5):
            row.append(int(logits(model, prompt, prefix_attn_len=6)[0, -1].argmax()))
            prompt = paddle.concat([prompt, paddle.to_tensor([row[-1:]])], axis=1)
        assert found[0][0].numpy()[1].tolist() == row


def test_generate_with_a_prefix_of_its_own():
    model, ids = build(PREFIX_LM), tokens(n=6)
    causal = model.generate(ids, max_new_tokens=4, prefix_attn_len=0)[1].numpy()
    plain = build({}).generate(ids, max_new_tokens=4)[1].numpy()
    np.testing.assert_allclose(causal, plain, atol=1e-5)
    assert np.abs(model.generate(ids, max_new_tokens=4)[1].numpy() - plain).max() > 1e-4


def test_a_classifier_reads_the_whole_text_both_ways():
    model = XDecoderForSequenceClassification(build(PREFIX_LM).config)
    model.eval()
    ids = tokens()
    found = model(ids, prefix_attn_len=N, return_dict=True).logits.numpy()
    assert np.abs(found - model(ids, return_dict=True).logits.numpy()).max() > 1e-5


def test_mems_stand_before_the_prefix():
    model, ids = build({**PREFIX_LM, "max_mem_len": 4, "rotary_pos_emb": True}), tokens()
    mems = model(ids[:, :6], return_mems=True, return_dict=True).mems
    whole = logits(model, ids[:, 6:], mems=mems, prefix_attn_len=3)
    first = model(ids[:, 6:10], mems=mems, prefix_attn_len=3, use_cache=True, return_dict=True)
    rest = logits(model, ids[:, 10:], past_key_values=first.past_key_values, prefix_attn_len=3)
    np.testing.assert_allclose(np.concatenate([first.logits.numpy(), rest], axis=1), whole, atol=1e-4)


def test_with_no_length_no_key_belongs_to_the_prefix():
    positions = paddle.to_tensor([[-2, -1, 0, 1, 2]])
    np.testing.assert_array_equal(within(0, positions).numpy(), [[False] * 5])
    np.testing.assert_array_equal(within(2, positions).numpy(), [[True, True, True, True, False]])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (-1, "prefix_attn_len=-1 is not allowed; give an int of at least 0"),
        (True, "prefix_attn_len=True is not allowed"),
        (2.0, "prefix_attn_len=2.0 is not allowed"),
        (N + 1, f"prefix_attn_len={N + 1} is more than the {N} tokens of this call"),
        (paddle.to_tensor([1, 2, 3]), r"prefix_attn_len has shape \[3\] and dtype .*; give an int, or int64 .* \(2,\)"),
        (paddle.to_tensor([1.0, 2.0]), r"prefix_attn_len has shape \[2\] and dtype paddle.float32"),
    ],
)
def test_lengths_that_are_refused(given, message):
    model = build(PREFIX_LM)
    with pytest.raises(InputError, match=message):
        model(tokens(), prefix_attn_len=given)
    with pytest.raises(InputError, match=message):
        model.generate(tokens(), max_new_tokens=2, prefix_attn_len=given)


def test_a_prefix_in_two_calls_is_refused():
    model, ids = build({**PREFIX_LM, "num_memory_tokens": 3}), tokens()
    cache = model(ids[:, :4], use_cache=True, return_dict=True).past_key_values
    with pytest.raises(
        InputError, match="prefix_attn_len=5 is more than the 4 tokens in past_key_values; .*first call"
    ):
        model(ids[:, 4:], past_key_values=cache, prefix_attn_len=5)


def test_a_model_that_knows_no_prefix_refuses_one():
    for call in (build({}), lambda ids, **given: build({}).generate(ids, max_new_tokens=1, **given)):
        with pytest.raises(InputError, match="prefix_attn_len has no effect while prefix_lm=False"):
            call(tokens(), prefix_attn_len=3)
