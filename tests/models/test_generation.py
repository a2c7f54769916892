"""generate(): PaddleNLP's strategies on our models, against loops written out by hand."""

from __future__ import annotations

import itertools

import numpy as np
import paddle
import pytest
from paddle.nn import functional as F
from paddlenlp.generation import LogitsProcessor, LogitsProcessorList

from ..contracts.cases import build, extras, tokens

PAD, EOS = 0, 2
BEAMS = {"decode_strategy": "beam_search", "num_beams": 3}
GROUPS = {"decode_strategy": "beam_search", "num_beams": 4, "num_beam_groups": 2, "diversity_rate": 5.0}
STRATEGIES = {"greedy": {}, "beams": BEAMS, "groups": GROUPS}
BUNDLES = {
    "learned": {},
    "rotary": {"rotary_pos_emb": True, "attn_kv_heads": 2, "num_memory_tokens": 2},
    "memory between": {"rotary_pos_emb": True, "num_memory_tokens": 2, "memory_tokens_interspersed_every": 3},
    "alibi": {"position_bias": "alibi"},
    "t5": {"position_bias": "t5"},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)
each_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)


def endless(fields: dict | None = None, **more):
    """A model that never ends a text by itself."""
    return build(fields or {}, eos_token_id=None, **more)


def by_hand(model, ids, count, *, eos=None, **more):
    """The greedy continuation: one whole pass a token."""
    rows = [list(row) for row in ids.numpy()]
    done = [False] * len(rows)
    for _ in range(count):
        best = model(paddle.to_tensor(rows), **more)[:, -1].argmax(-1).numpy()
        for i, row in enumerate(rows):
            row.append(PAD if done[i] else int(best[i]))
            done[i] = done[i] or row[-1] == eos
        if all(done):
            break
    return np.array(rows)[:, ids.shape[1] :]


def generated(model, ids=None, **kwargs) -> np.ndarray:
    return model.generate(ids, **kwargs)[0].numpy()


@each_bundle
def test_greedy_is_the_loop_by_hand(fields):
    model, ids = endless(fields), tokens(n=6)
    np.testing.assert_array_equal(generated(model, ids, max_new_tokens=9), by_hand(model, ids, 9))
    longer = generated(model, ids[:1, :1], max_new_tokens=60)
    np.testing.assert_array_equal(longer, by_hand(model, ids[:1, :1], 60))


@each_strategy
@pytest.mark.parametrize("cached", [True, False])
def test_use_cache_decides_how_many_tokens_a_step_sees(strategy, cached):
    model, ids, lengths = endless(), tokens(n=6), []
    model.get_input_embeddings().register_forward_pre_hook(lambda _layer, given: lengths.append(given[0].shape[1]))
    generated(model, ids, max_new_tokens=4, use_cache=cached, **strategy)
    assert lengths == ([6, 1, 1, 1] if cached else [6, 7, 8, 9])


@each_strategy
@each_bundle
def test_left_padded_rows_equal_rows_alone_with_and_without_cache(fields, strategy):
    model = endless(fields)
    lengths, ids = [3, 6], np.full([2, 6], PAD)
    rows = [tokens(1, length, seed=length).numpy() for length in lengths]
    for row, length, own in zip(ids, lengths, rows, strict=True):
        row[6 - length :] = own[0]
    mask = paddle.to_tensor((ids != PAD).astype("int64"))
    arguments = {"max_new_tokens": 5, **strategy}
    alone = np.concatenate([generated(model, paddle.to_tensor(row), **arguments) for row in rows])
    for cached, given in itertools.product((True, False), (None, mask, mask.astype("bool"))):
        found = generated(model, paddle.to_tensor(ids), attention_mask=given, use_cache=cached, **arguments)
        np.testing.assert_array_equal(found, alone)


def test_sampling_repeats_under_a_seed_and_varies_without():
    model, ids = endless(), tokens(n=6)
    arguments = {"decode_strategy": "sampling", "top_p": 0.95, "top_k": 0, "temperature": 1.5, "max_new_tokens": 12}
    paddle.seed(5)
    first = generated(model, ids, **arguments)
    other = generated(model, ids, **arguments)
    paddle.seed(5)
    np.testing.assert_array_equal(generated(model, ids, **arguments), first)
    assert (first != other).any()


def test_sampling_from_one_candidate_is_greedy():
    model, ids = endless(), tokens(n=6)
    greedy = generated(model, ids, max_new_tokens=8)
    sampling = {"decode_strategy": "sampling", "max_new_tokens": 8}
    np.testing.assert_array_equal(generated(model, ids, top_k=1, **sampling), greedy)
    np.testing.assert_array_equal(generated(model, ids, top_k=0, top_p=1e-6, **sampling), greedy)


def test_several_samples_a_prompt():
    model, ids = endless(), tokens(n=6)
    found = generated(
        model, ids, decode_strategy="sampling", top_k=0, temperature=2.0, num_return_sequences=3, max_new_tokens=8
    )
    assert found.shape == (6, 8)
    assert len({tuple(row) for row in found}) == 6
    same = generated(model, ids, decode_strategy="sampling", top_k=1, num_return_sequences=3, max_new_tokens=8)
    np.testing.assert_array_equal(same, generated(model, ids, max_new_tokens=8).repeat(3, axis=0))


def test_wide_beams_find_the_best_of_all_continuations():
    model, ids = endless(), tokens(n=6)
    found, scores = model.generate(
        ids, decode_strategy="beam_search", num_beams=37, max_new_tokens=2, num_return_sequences=2, length_penalty=0.0
    )
    for row in range(2):
        pairs = np.array(list(itertools.product(range(37), repeat=2)))
        prompts = np.repeat(ids[row : row + 1].numpy(), 37, axis=0)
        first = F.log_softmax(model(ids[row : row + 1])[0, -1]).numpy()
        whole = np.concatenate([prompts, np.arange(37)[:, None]], axis=1)
        second = F.log_softmax(model(paddle.to_tensor(whole))[:, -1]).numpy()
        total = first[pairs[:, 0]] + second[pairs[:, 0], pairs[:, 1]]
        order = np.argsort(-total)[:2]
        np.testing.assert_array_equal(found.numpy()[2 * row : 2 * row + 2], pairs[order])
        np.testing.assert_allclose(scores.numpy().reshape(-1)[2 * row : 2 * row + 2], total[order], atol=1e-4)


def test_groups_of_beams_differ():
    model, ids = endless(), tokens(n=6)
    both = generated(model, ids, num_return_sequences=4, max_new_tokens=5, **GROUPS)
    assert both.shape == (8, 5)
    for row in both.reshape([2, 4, 5]):
        assert len({int(token) for token in row[:, 0]}) > 1
    np.testing.assert_array_equal(
        generated(model, ids, num_return_sequences=4, max_new_tokens=5, use_cache=False, **GROUPS), both
    )


@pytest.mark.parametrize("as_list", [False, True])
def test_the_end_token_ends_a_row(as_list):
    model, ids = endless(), tokens(n=6)
    plain = by_hand(model, ids, 8)
    eos = int(plain[0, 3])
    expected = by_hand(model, ids, 8, eos=eos)
    found = generated(model, ids, max_new_tokens=8, eos_token_id=[eos, 36] if as_list else eos, pad_token_id=PAD)
    if as_list:
        after = (np.cumsum(np.isin(plain, [eos, 36]), axis=1) - np.isin(plain, [eos, 36])) > 0
        expected = np.where(after, PAD, plain)[:, : found.shape[1]]
    np.testing.assert_array_equal(found, expected)
    stop = list(plain[0]).index(eos)
    assert found[0, stop] == eos and (found[0, stop + 1 :] == PAD).all()


def test_no_end_before_min_new_tokens():
    model, ids = endless(), tokens(n=6)
    eos = int(by_hand(model, ids, 1)[0, 0])
    assert generated(model, ids[:1], max_new_tokens=8, eos_token_id=eos).shape[1] == 1
    found = generated(model, ids[:1], max_new_tokens=8, eos_token_id=eos, min_new_tokens=6)
    assert eos not in found[0, :6] and found.shape[1] >= 6


def test_repetition_penalty_and_no_repeated_ngrams():
    model, ids = endless(), tokens(n=6)
    plain = generated(model, ids, max_new_tokens=25)
    assert any(len(set(row)) < 20 for row in plain)  # else there is nothing to mend
    rows = ids.numpy()
    for _ in range(8):
        scores = model(paddle.to_tensor(rows))[:, -1].numpy()
        for row, seen in zip(scores, rows, strict=True):
            seen = np.unique(seen)
            row[seen] = np.where(row[seen] < 0, row[seen] * 1.5, row[seen] / 1.5)
        rows = np.concatenate([rows, scores.argmax(-1)[:, None]], axis=1)
    np.testing.assert_array_equal(generated(model, ids, max_new_tokens=8, repetition_penalty=1.5), rows[:, 6:])
    found = generated(model, ids, max_new_tokens=25, no_repeat_ngram_size=2)
    for row in np.concatenate([ids.numpy(), found], axis=1):
        assert len(set(itertools.pairwise(row.tolist()))) == len(row) - 1


class Forbid(LogitsProcessor):
    def __init__(self, token):
        self.token = token

    def __call__(self, input_ids, logits):
        logits[:, self.token] = -1e9
        return logits


@each_strategy
def test_logits_processors_of_the_caller(strategy):
    if strategy is GROUPS:
        return  # its processors take more arguments
    model, ids = endless(), tokens(n=6)
    favourite = int(generated(model, ids, max_new_tokens=5, **strategy)[0, 0])
    processors = LogitsProcessorList([Forbid(favourite)])
    found = generated(model, ids, max_new_tokens=5, logits_processors=processors, **strategy)
    assert (found != favourite).all()


@each_strategy
@pytest.mark.parametrize("fields", [{}, {"return_dict": True, "use_cache": True}], ids=["", "dict and cache"])
def test_generation_from_the_first_token_alone(fields, strategy):
    model = endless(fields)
    found = generated(model, max_new_tokens=4, **strategy)
    assert found.shape == (1, 4)
    np.testing.assert_array_equal(found, generated(model, paddle.to_tensor([[1]]), max_new_tokens=4, **strategy))


@each_strategy
@pytest.mark.parametrize("dtype", ["int64", "bool", "float32"])
def test_masks_of_four_axes(dtype, strategy):
    """What PaddleNLP's own test suite passes: int64 ones of (b, 1, n, n)."""
    model, ids = endless({"rotary_pos_emb": True}), tokens(n=6)
    expected = generated(model, ids, max_new_tokens=5, **strategy)
    for rows in (6, 1):
        make = paddle.zeros if dtype == "float32" else paddle.ones
        mask = make([2, 1, rows, 6], dtype=dtype)
        for cached in (True, False):
            found = generated(model, ids, attention_mask=mask, max_new_tokens=5, use_cache=cached, **strategy)
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("cached", [True, False])
def test_a_mask_of_four_axes_hides_padding_in_every_step(cached):
    model, ids = endless({"rotary_pos_emb": True}), tokens(n=6)
    keep = paddle.ones([2, 6], dtype="int64")
    keep[0, :3] = 0
    expected = generated(model, ids, attention_mask=keep, max_new_tokens=6)
    for mask in (keep.unsqueeze([1, 2]).expand([2, 1, 6, 6]), (1 - keep).astype("float32").unsqueeze([1, 2]) * -1e6):
        found = generated(model, ids, attention_mask=mask, max_new_tokens=6, use_cache=cached)
        np.testing.assert_array_equal(found, expected)


def test_a_soft_mask_counts_in_every_step():
    model, ids = endless({"rotary_pos_emb": True}), tokens(n=6)
    soft = paddle.to_tensor(np.random.default_rng(3).normal(0, 4, [2, 6]).astype("float32"))
    uncached, cached = (
        generated(model, ids, attention_mask=soft, max_new_tokens=12, use_cache=on) for on in (False, True)
    )
    assert (uncached != generated(model, ids, max_new_tokens=12)).any()
    np.testing.assert_array_equal(cached, uncached)


@each_strategy
@pytest.mark.parametrize("masked", [False, True])
def test_generation_with_a_context(masked, strategy):
    model = endless({"cross_attend": True, "rotary_pos_emb": True})
    ids, context = tokens(n=6), extras(model)["encoder_hidden_states"]
    mask = paddle.ones(context.shape[:2], dtype="int64")
    if masked:
        mask[0, 2:] = 0
    given = {"encoder_hidden_states": context, "encoder_attention_mask": mask}
    found = generated(model, ids, max_new_tokens=6, **given, **strategy)
    np.testing.assert_array_equal(generated(model, ids, max_new_tokens=6, use_cache=False, **given, **strategy), found)
    for row in range(2):
        own = {"encoder_hidden_states": context[row : row + 1]}
        if masked and row == 0:
            own = {"encoder_hidden_states": context[:1, :2]}
        alone = generated(model, ids[row : row + 1], max_new_tokens=6, **own, **strategy)
        np.testing.assert_array_equal(found[row], alone[0])
    if not strategy:
        np.testing.assert_array_equal(found, by_hand(model, ids, 6, **given))
