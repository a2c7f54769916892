"""Generation: the source is encoded once, rows do not disturb each other, and what cannot work is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from .small import BUNDLES, build, padded, run, source, target

STRATEGIES: dict[str, dict[str, Any]] = {
    "greedy": {"decode_strategy": "greedy_search"},
    "beam": {"decode_strategy": "beam_search", "num_beams": 3},
    "groups": {"decode_strategy": "beam_search", "num_beams": 4, "num_beam_groups": 2, "diversity_rate": 0.3},
    "best candidate": {"decode_strategy": "sampling", "top_k": 1},
}
each_strategy = pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=[name or "default" for name in BUNDLES])


def by_hand(model, ids: paddle.Tensor, new: int, start: int = 1, **given: Any) -> np.ndarray:
    """Greedy search in three lines."""
    read = paddle.full([ids.shape[0], 1], start, dtype="int64")
    for _ in range(new):
        scores = paddle.to_tensor(run(model, input_ids=ids, decoder_input_ids=read, **given))
        read = paddle.concat([read, scores[:, -1].argmax(-1, keepdim=True)], axis=1)
    return read[:, 1:].numpy()


@each_bundle
def test_greedy_search_takes_the_likeliest_token(fields):
    model = build(fields, eos_token_id=None)
    for cached in (True, False):
        found, scores = model.generate(source(), max_new_tokens=6, use_cache=cached)
        np.testing.assert_array_equal(found.numpy(), by_hand(model, source(), 6))
        assert list(scores.shape) == [2, 1]


@each_strategy
@pytest.mark.parametrize("side", ["left", "right"])
def test_a_padded_row_gives_what_it_gives_alone(strategy, side):
    model = build(BUNDLES["llama"])
    short, mask = padded(source(1, 6), side)
    batch = paddle.concat([source(1, 9), short])
    masks = paddle.concat([paddle.ones([1, 9], dtype="int64"), mask])
    for given in (masks, masks > 0, None):  # None: padding is what equals pad_token_id
        together = model.generate(batch, attention_mask=given, max_new_tokens=5, **strategy)
        for row, ids in enumerate((source(1, 9), source(1, 6))):
            alone = model.generate(ids, max_new_tokens=5, **strategy)
            n = alone[0].shape[1]
            np.testing.assert_array_equal(together[0][row : row + 1, :n].numpy(), alone[0].numpy())
            np.testing.assert_allclose(together[1][row].numpy(), alone[1][0].numpy(), atol=1e-4)


@each_strategy
def test_the_encoder_runs_once(strategy):
    model, calls = build(), []
    model.get_encoder().register_forward_pre_hook(lambda *given: calls.append(given))
    for cached in (True, False):
        calls.clear()
        model.generate(source(), max_new_tokens=5, use_cache=cached, **strategy)
        assert len(calls) == 1


def test_keys_and_values_of_the_source_are_computed_once():
    model, calls = build(eos_token_id=None), []
    layer = next(layer for layer in model.get_decoder().stack.layers if layer.kind == "c").cross_attn.k_proj
    layer.register_forward_pre_hook(lambda *given: calls.append(given))
    model.generate(source(), max_new_tokens=5)
    assert len(calls) == 1


@each_strategy
def test_a_source_may_come_as_states_or_embeddings(strategy):
    model = build()
    ids, mask = padded(source(), "right")
    expected = model.generate(ids, attention_mask=mask, max_new_tokens=5, **strategy)[0].numpy()
    states = model.get_encoder()(ids, attention_mask=mask, return_dict=True)
    embeds = model.get_encoder().get_input_embeddings()(ids)
    for given in ({"encoder_output": states}, {"encoder_output": states.last_hidden_state}, {"inputs_embeds": embeds}):
        found = model.generate(**given, attention_mask=mask, max_new_tokens=5, **strategy)[0].numpy()
        np.testing.assert_array_equal(found, expected)


def test_vectors_in_front_of_the_source():
    model = build(eos_token_id=None)
    vectors = paddle.to_tensor(np.random.default_rng(3).normal(size=(2, 3, 32)).astype("float32"))
    for more in ({}, {"encoder_prepend_mask": paddle.to_tensor([[1, 1, 0], [0, 1, 1]])}):
        given = {"encoder_prepend_embeds": vectors, **more}
        for cached in (True, False):
            found = model.generate(source(), max_new_tokens=5, use_cache=cached, **given)[0].numpy()
            np.testing.assert_array_equal(found, by_hand(model, source(), 5, **given))
    assert (found != by_hand(model, source(), 5)).any()


@pytest.mark.parametrize("strategy", ["sampling", "beam_search"])
def test_several_sequences_a_source(strategy):
    model = build()
    more = {"num_beams": 3} if strategy == "beam_search" else {}
    found = []
    for cached in (True, False):
        paddle.seed(5)
        arguments = {"decode_strategy": strategy, "num_return_sequences": 3, "max_new_tokens": 5, **more}
        ids, scores = model.generate(source(), use_cache=cached, **arguments)
        found.append(ids.numpy())
        assert ids.shape[0] == 6 and list(scores.shape)[0] == 6
    np.testing.assert_array_equal(*found)
    assert len({tuple(row) for row in found[0][:3]}) > 1


def test_a_target_may_be_begun():
    """By rows of different lengths, padded on the left."""
    model = build(BUNDLES["llama"], eos_token_id=None)
    begun, mask = padded(target(2, 3), "left")
    given = {"decoder_input_ids": begun, "decoder_attention_mask": mask}
    for strategy in STRATEGIES.values():
        expected = model.generate(source(), decoder_input_ids=target(2, 3), max_new_tokens=4, **strategy)[0].numpy()
        for cached in (True, False):
            found = model.generate(source(), max_new_tokens=4, use_cache=cached, **given, **strategy)[0]
            np.testing.assert_array_equal(found.numpy(), expected)


def test_where_a_target_begins():
    model = build(eos_token_id=None)
    expected = by_hand(model, source(), 4, start=5)
    found = model.generate(source(), decoder_start_token_id=5, max_new_tokens=4)[0]
    np.testing.assert_array_equal(found.numpy(), expected)
    configured = build({"decoder_start_token_id": 5}, eos_token_id=None)
    np.testing.assert_array_equal(configured.generate(source(), max_new_tokens=4)[0].numpy(), expected)
    begun = paddle.full([2, 1], 5, dtype="int64")
    found = model.generate(source(), decoder_input_ids=begun, max_new_tokens=4)[0]
    np.testing.assert_array_equal(found.numpy(), expected)


def test_rows_end_at_their_own_end():
    model = build(eos_token_id=None)
    free = model.generate(source(), max_new_tokens=8)[0].numpy()
    end = int(free[0, 2])
    found = model.generate(source(), max_new_tokens=8, eos_token_id=end)[0].numpy()
    for row, line in enumerate(free):
        stop = list(line).index(end) + 1 if end in line else 8
        np.testing.assert_array_equal(found[row, :stop], line[:stop])
        assert (found[row, stop:] == 0).all()


class Kept:
    """A streamer that keeps what it is sent."""

    skip_prompt = False

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.ended = False

    def put(self, value: paddle.Tensor) -> None:
        self.tokens += value.flatten().tolist()

    def end(self) -> None:
        self.ended = True


def test_a_streamer_gets_every_token():
    model, streamer = build(eos_token_id=None), Kept()
    found = model.generate(source(1), streamer=streamer, max_new_tokens=5)[0]
    assert streamer.tokens == found[0].tolist() and streamer.ended


def test_generation_needs_no_gradient_and_leaves_the_model_as_it_was():
    model = build()
    states = model.get_encoder()(source(), return_dict=True).last_hidden_state
    assert not states.stop_gradient
    before = model.generation_config.to_dict()
    ids, scores = model.generate(source(), max_new_tokens=3)
    assert scores.stop_gradient and model.generation_config.to_dict() == before


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({}, "there is no source: give input_ids"),
        ({"input_ids": source(), "encoder_output": paddle.ones([2, 3, 32])}, "input_ids has no effect beside encoder_"),
        ({"input_ids": source() + 40}, r"input_ids holds the id \d+; allowed is 0 to 36 \(enc_num_tokens - 1\)"),
        ({"input_ids": source()[0]}, r"input_ids has shape \[9\]"),
        ({"input_ids": source(), "max_new_tokens": 64}, "make 65, more than dec_max_seq_len=64;.* at most 63"),
        ({"input_ids": source(), "max_new_tokens": 0}, "max_new_tokens=0 is not allowed"),
        ({"input_ids": source(2, 70)}, r"70 tokens \(past and new\) are more than max_seq_len=64"),
        ({"input_ids": source(), "decoder_input_ids": target(3)}, "has 3 rows, but the source has 2"),
        ({"input_ids": source(), "decoder_input_ids": target() + 40}, "allowed is 0 to 36 .dec_num_tokens - 1"),
        ({"input_ids": source(), "num_beam": 3}, "num_beam=3 is no setting of generate.*'num_beams'"),
        ({"input_ids": source(), "decoder_start_token_id": 37}, "decoder_start_token_id=37 is outside the vocabulary"),
        ({"encoder_output": paddle.ones([2, 3, 20])}, r"encoder_hidden_states has shape \[2, 3, 20\]"),
        ({"encoder_output": "states"}, "encoder_output is a str; give the hidden states"),
    ],
)
def test_what_cannot_be_generated_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        build().generate(**{"max_new_tokens": 3, **given})


def test_without_a_start_token_nothing_is_generated():
    with pytest.raises(InputError, match="leave open what a target begins with"):
        build({"bos_token_id": None}).generate(source(), max_new_tokens=3)
