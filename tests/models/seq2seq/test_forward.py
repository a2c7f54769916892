"""What encoder and decoder give, from whichever arguments; causality and the cache are held by the contracts."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.nn.dropped_tokens import drop_tokens

from .small import BUNDLES, SMALL, SOURCE, TARGET, build, padded, run, source, target

each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=[name or "default" for name in BUNDLES])
each_side = pytest.mark.parametrize("side", ["left", "right"])


@each_bundle
@each_side
def test_padding_in_the_source_changes_nothing(fields, side):
    model = build(fields)
    ids, mask = padded(source(), side)
    alone = run(model, input_ids=source(), decoder_input_ids=target())
    found = run(model, input_ids=ids, attention_mask=mask, decoder_input_ids=target())
    np.testing.assert_allclose(found, alone, atol=1e-5)
    assert np.abs(run(model, input_ids=ids, decoder_input_ids=target()) - alone).max() > 1e-3


@each_bundle
@each_side
def test_padding_in_the_target_changes_nothing(fields, side):
    model = build(fields)
    ids, mask = padded(target(), side)
    alone = run(model, input_ids=source(), decoder_input_ids=target())
    found = run(model, input_ids=source(), decoder_input_ids=ids, decoder_attention_mask=mask)
    place = slice(3, None) if side == "left" else slice(None, -3)
    np.testing.assert_allclose(found[:, place], alone, atol=1e-5)


@each_side
def test_padding_on_both_with_a_cache(side):
    """The mask of the source goes with every step, that of the target may stay behind: the cache remembers it."""
    model = build(BUNDLES["llama"])
    (ids, mask), (read, read_mask) = padded(source(), side), padded(target(), "left")
    alone = run(model, input_ids=source(), decoder_input_ids=target())
    given = {"attention_mask": mask, "use_cache": True, "return_dict": True}
    first = model(input_ids=ids, decoder_input_ids=read[:, :6], decoder_attention_mask=read_mask[:, :6], **given)
    second = model(decoder_input_ids=read[:, 6:], past_key_values=first.past_key_values, **given)
    found = paddle.concat([first.logits[:, 3:], second.logits], axis=1).numpy()
    np.testing.assert_allclose(found, alone, atol=1e-4)
    assert second.encoder_last_hidden_state is None


def test_masks_of_three_and_four_axes():
    """A place of the source that no place may look at is hidden from the target as well."""
    model = build()
    ids, mask = padded(source(), "right")
    expected = run(model, input_ids=ids, attention_mask=mask, decoder_input_ids=target())
    square = mask.unsqueeze(1).expand([2, mask.shape[1], mask.shape[1]])
    added = (1 - mask.unsqueeze([1, 2]).astype("float32")) * -1e6
    for other in (square, square.unsqueeze(1), square > 0, mask > 0, added, mask.unsqueeze([1, 2]), added[:, 0, 0]):
        found = run(model, input_ids=ids, attention_mask=other, decoder_input_ids=target())
        np.testing.assert_allclose(found, expected, atol=1e-5)


def test_what_any_place_sees_is_seen_by_the_target():
    """In a source where each place sees those before it, all are seen; in one where none sees the first, it is not."""
    model = build()
    before = paddle.tril(paddle.ones([SOURCE, SOURCE], dtype="int64")).unsqueeze(0).expand([2, SOURCE, SOURCE])
    states = model.get_encoder()(source(), attention_mask=before, return_dict=True)
    given = {"input_ids": source(), "decoder_input_ids": target()}
    expected = run(model, encoder_output=states, decoder_input_ids=target())
    np.testing.assert_allclose(run(model, **given, attention_mask=before), expected, atol=1e-6)
    without = before.clone()
    without[:, :, 0] = 0
    states = model.get_encoder()(source(), attention_mask=without, return_dict=True)
    rest = (paddle.arange(SOURCE) > 0).astype("int64").unsqueeze(0).expand([2, SOURCE])
    expected = run(model, encoder_output=states, attention_mask=rest, decoder_input_ids=target())
    np.testing.assert_allclose(run(model, **given, attention_mask=without.unsqueeze(1)), expected, atol=1e-6)


def test_the_encoder_may_run_before():
    model = build()
    expected = run(model, input_ids=source(), decoder_input_ids=target())
    states = model.get_encoder()(source(), return_dict=True)
    for output in (states, states.last_hidden_state, (states.last_hidden_state,), states.to_tuple()):
        np.testing.assert_array_equal(run(model, encoder_output=output, decoder_input_ids=target()), expected)


def test_embeddings_in_place_of_ids():
    model = build(BUNDLES["mixed"])
    expected = run(model, input_ids=source(), decoder_input_ids=target())
    embedded = {
        "inputs_embeds": model.get_encoder().get_input_embeddings()(source()),
        "decoder_inputs_embeds": model.get_decoder().get_input_embeddings()(target()),
    }
    assert embedded["decoder_inputs_embeds"].shape[-1] == 24
    np.testing.assert_array_equal(run(model, **embedded), expected)


@pytest.mark.parametrize("bundle", ["", "llama", "t5", "mixed", "memory"])
def test_vectors_in_front_with_padding_equal_those_alone(bundle):
    model = build(BUNDLES[bundle])
    draw = np.random.default_rng(3)
    vectors = paddle.to_tensor(draw.normal(size=(2, 4, 32)).astype("float32"))
    given = {"input_ids": source(), "decoder_input_ids": target()}
    alone = run(model, **given, encoder_prepend_embeds=vectors[:, :3])
    mask = paddle.to_tensor([[1, 1, 1, 0]] * 2)
    found = run(model, **given, encoder_prepend_embeds=vectors, encoder_prepend_mask=mask)
    np.testing.assert_allclose(found, alone, atol=1e-5)
    ids, padding = padded(source(), "left")
    both = run(
        model,
        input_ids=ids,
        attention_mask=padding > 0,
        decoder_input_ids=target(),
        encoder_prepend_embeds=vectors,
        encoder_prepend_mask=mask > 0,
    )
    np.testing.assert_allclose(both, alone, atol=1e-5)
    hidden = (1 - padding.astype("float32")) * -1e6
    floats = run(model, **{**given, "input_ids": ids}, attention_mask=hidden, encoder_prepend_embeds=vectors[:, :3])
    np.testing.assert_allclose(floats, alone, atol=1e-5)
    assert np.abs(run(model, **given) - alone).max() > 1e-3


def test_states_and_weights_that_are_asked_for():
    model = build({"enc_depth": 3, "enc_heads": 2, "enc_num_memory_tokens": 3, "dec_num_memory_tokens": 2})
    vectors = paddle.ones([2, 4, 32])
    output = model(
        source(),
        decoder_input_ids=target(),
        encoder_prepend_embeds=vectors,
        output_attentions=True,
        output_hidden_states=True,
        use_cache=True,
        return_dict=True,
    )
    m = SOURCE + 4
    assert [list(t.shape) for t in output.encoder_hidden_states] == [[2, m, 32]] * 4
    assert [list(t.shape) for t in output.encoder_attentions] == [[2, 2, m, m]] * 3
    assert [list(t.shape) for t in output.decoder_hidden_states] == [[2, TARGET, 32]] * 3
    assert [list(t.shape) for t in output.decoder_attentions] == [[2, 4, TARGET, TARGET]] * 2
    assert [list(t.shape) for t in output.cross_attentions] == [[2, 4, TARGET, m]] * 2
    assert (output.encoder_hidden_states[-1] == output.encoder_last_hidden_state).all()
    assert len(output.past_key_values) == 5
    for weights in output.cross_attentions:
        np.testing.assert_allclose(weights.sum(-1).numpy(), 1, atol=1e-5)


def test_tuples_are_those_of_paddlenlp():
    """Loss first, then logits; the states of the source last, but not beside a loss: the Trainer would collect them."""
    model = build()
    given = {"input_ids": source(), "decoder_input_ids": target()}
    logits, states = model(**given)
    assert list(logits.shape) == [2, TARGET, SMALL["dec_num_tokens"]] and list(states.shape) == [2, SOURCE, 32]
    loss, again = model(**given, labels=target())
    assert list(loss.shape) == [] and (again == logits).all()
    assert len(model(**given, use_cache=True)) == 3
    assert len(model(**given, output_attentions=True)) == 5
    assert len(model(**given, output_attentions=True, output_hidden_states=True, labels=target())) == 7
    named = model(**given, labels=target(), return_dict=True)
    assert list(named) == ["loss", "logits", "encoder_last_hidden_state"]
    base = model.xseq2seq(**given)
    assert [list(t.shape) for t in base] == [[2, TARGET, 32], [2, SOURCE, 32]]


def test_wishes_may_stand_in_the_configuration():
    model = build(use_cache=True, output_attentions=True, output_hidden_states=True, return_dict=True)
    output = model(source(), decoder_input_ids=target())
    assert all(value is not None for value in output.values()) and len(output.keys()) == 8


def test_tokens_of_the_source_are_left_out_in_training_only():
    model = build({"cross_attn_tokens_dropout": 0.5})
    plain = build()
    given = {"input_ids": source(), "decoder_input_ids": target()}
    np.testing.assert_array_equal(run(model, **given), run(plain, **given))
    model.train()
    output = model(**given, output_attentions=True, return_dict=True)
    seen = (output.cross_attentions[0].numpy() > 1e-20).any(axis=(1, 2)).sum(axis=1)
    np.testing.assert_array_equal(seen, [5, 5])  # half of nine, rounded up
    assert not np.allclose(run(model, **given), run(model, **given))


@pytest.mark.parametrize("rate", [0.0, 0.3, 0.9, 1.0])
def test_dropped_tokens_are_a_share_of_the_tokens(rate):
    states = paddle.zeros([3, 10, 4])
    lengths = np.array([10, 4, 1])
    mask = paddle.to_tensor((np.arange(10) < lengths[:, None]).astype("int64"))
    kept = drop_tokens(states, mask, rate).numpy()
    assert ((kept > 0) <= (mask.numpy() > 0)).all()
    np.testing.assert_array_equal(kept.sum(1), np.ceil(np.float32(1 - rate) * lengths.astype("float32")))
    whole = drop_tokens(states, None, rate).numpy()
    np.testing.assert_array_equal(whole.sum(1), np.ceil(np.float32(1 - rate) * np.float32(10)))
    added = drop_tokens(states, paddle.zeros([3, 1, 1, 10]), rate).numpy()
    assert added.shape == (3, 1, 1, 10)
    np.testing.assert_array_equal((added == 0).sum(axis=(1, 2, 3)), whole.sum(1))
    grown = drop_tokens(states, mask.unsqueeze([1, 2]), 0.0).numpy()
    np.testing.assert_array_equal(grown[:, 0, 0], mask.numpy())


def test_which_tokens_are_dropped_is_drawn_anew():
    states = paddle.zeros([200, 10, 4])
    seen = drop_tokens(states, None, 0.5).numpy().mean(axis=0)
    assert (np.abs(seen - 0.5) < 0.15).all()
