"""Tokens and numbers go on together, whatever the strategy, with a cache and without."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from .texts import BUNDLES, NUMBER, build, text

NEW = 8
STRATEGIES = {
    "greedy": {},
    "beams": {"decode_strategy": "beam_search", "num_beams": 3},
    "groups": {"decode_strategy": "beam_search", "num_beams": 4, "num_beam_groups": 2, "diversity_rate": 0.3},
}
each_bundle = pytest.mark.parametrize("fields", BUNDLES.values(), ids=BUNDLES)


def reread(model, ids, numbers, found, **more):
    """The numbers that the model writes when it reads the text again, token by token, without a cache."""
    for column in range(found.ids.shape[1]):
        number = model(ids, numbers, **more)[1][:, -1:]
        ids = paddle.concat([ids, found.ids[:, column : column + 1]], axis=1)
        numbers = paddle.concat([numbers, number], axis=1)
    return paddle.where(found.ids == NUMBER, numbers[:, -found.ids.shape[1] :], paddle.full([1], float("nan")))


@each_bundle
@pytest.mark.parametrize("strategy", STRATEGIES.values(), ids=STRATEGIES)
def test_each_number_is_the_one_predicted_before_it(fields, strategy):
    model = build(fields)
    ids, numbers = text()
    asked = {"input_numbers": numbers, "max_new_tokens": NEW, "eos_token_id": 30, **strategy}
    found = model.generate(ids, **asked)
    assert 0 < int((found.ids == NUMBER).sum()) < found.ids.size
    np.testing.assert_allclose(found.numbers.numpy(), reread(model, ids, numbers, found).numpy(), atol=1e-4)
    uncached = model.generate(ids, **asked, use_cache=False)
    np.testing.assert_array_equal(uncached.ids.numpy(), found.ids.numpy())
    np.testing.assert_allclose(uncached.numbers.numpy(), found.numbers.numpy(), atol=1e-4)


def test_greedy_by_hand():
    """The numbers take part in what comes after them."""
    model = build()
    ids, numbers = text()
    found = model.generate(ids, input_numbers=numbers, max_new_tokens=NEW)
    for _ in range(NEW):
        logits, predicted = model(ids, numbers)
        ids = paddle.concat([ids, logits[:, -1:].argmax(axis=-1)], axis=1)
        numbers = paddle.concat([numbers, predicted[:, -1:]], axis=1)
    np.testing.assert_array_equal(found.ids.numpy(), ids[:, -NEW:].numpy())
    other = model.generate(text()[0], input_numbers=text()[1] * 3, max_new_tokens=NEW)
    assert np.nanmax(np.abs(other.numbers.numpy() - found.numbers.numpy())) > 1e-2


@each_bundle
@pytest.mark.parametrize("cached", [True, False])
def test_a_padded_row_is_continued_as_the_row_alone(fields, cached):
    model = build(fields)
    ids, numbers = text(3, 9)
    mask = paddle.ones_like(ids)
    for row, padding in enumerate((0, 2, 5)):
        ids[row, :padding], numbers[row, :padding], mask[row, :padding] = 0, float("nan"), 0
    asked = {"max_new_tokens": NEW, "use_cache": cached}
    together = model.generate(ids, input_numbers=numbers, attention_mask=mask, **asked)
    from_pad_token = model.generate(ids, input_numbers=numbers, **asked)
    np.testing.assert_array_equal(from_pad_token.numbers.numpy(), together.numbers.numpy())
    for row, padding in enumerate((0, 2, 5)):
        own = slice(row, row + 1)
        alone = model.generate(ids[own, padding:], input_numbers=numbers[own, padding:], **asked)
        np.testing.assert_array_equal(together.ids[own].numpy(), alone.ids.numpy())
        np.testing.assert_allclose(together.numbers[own].numpy(), alone.numbers.numpy(), atol=1e-4)


def test_several_drawn_continuations_of_one_prompt():
    model = build()
    ids, numbers = text()
    paddle.seed(3)
    found = model.generate(
        ids,
        input_numbers=numbers,
        max_new_tokens=NEW,
        decode_strategy="sampling",
        num_return_sequences=3,
    )
    assert found.ids.shape == found.numbers.shape == [6, NEW]
    ids, numbers = (x.repeat_interleave(3, axis=0) for x in (ids, numbers))
    np.testing.assert_allclose(found.numbers.numpy(), reread(model, ids, numbers, found).numpy(), atol=1e-4)


@pytest.mark.parametrize("cached", [True, False])
def test_masks_of_three_axes_positions_and_context(cached):
    model = build(cross_attend=True)
    ids, numbers = text()
    context = paddle.randn([2, 4, 32])
    mask = paddle.ones([2, 1, 10, 10], dtype="int64").tril()
    asked = {"encoder_hidden_states": context, "max_new_tokens": NEW, "use_cache": cached}
    plain = model.generate(ids, input_numbers=numbers, **asked)
    places = paddle.arange(10).expand([2, 10])
    for more in ({"attention_mask": mask}, {"position_ids": places}, {"attention_mask": paddle.zeros([2, 10])}):
        found = model.generate(ids, input_numbers=numbers, **asked, **more)
        np.testing.assert_array_equal(found.ids.numpy(), plain.ids.numpy())
        np.testing.assert_allclose(found.numbers.numpy(), plain.numbers.numpy(), atol=1e-4)
    shifted = model.generate(ids, input_numbers=numbers, **asked, position_ids=places + 7)
    assert not np.array_equal(np.nan_to_num(shifted.numbers.numpy()), np.nan_to_num(plain.numbers.numpy()))


def test_mems_of_the_segment_before():
    model = build(max_mem_len=8, position_bias="alibi", position_embedding="none")
    ids, numbers = text()
    mems = model(*text(seed=8), return_mems=True, return_dict=True).mems
    asked = {"input_numbers": numbers, "max_new_tokens": NEW, "mems": mems}
    found, uncached = model.generate(ids, **asked), model.generate(ids, **asked, use_cache=False)
    np.testing.assert_allclose(found.numbers.numpy(), uncached.numbers.numpy(), atol=1e-4)
    assert (found.ids == NUMBER).any()


def test_from_the_first_token_alone_and_texts_without_numbers():
    model = build()
    first = paddle.to_tensor([[1]])
    np.testing.assert_array_equal(
        model.generate(max_new_tokens=4).ids.numpy(), model.generate(first, max_new_tokens=4).ids.numpy()
    )
    with paddle.no_grad():
        model.lm_head.bias[NUMBER] = -1e4
    assert model.generate(first, max_new_tokens=4).numbers.isnan().all()


def test_a_streamer_gets_the_tokens():
    class Streamer:
        def __init__(self):
            self.tokens = []

        def put(self, value):
            self.tokens.append(value.flatten().tolist())

        def end(self):
            self.tokens.append("end")

    streamer, model = Streamer(), build()
    ids, numbers = text(1)
    found = model.generate(ids, input_numbers=numbers, max_new_tokens=3, streamer=streamer)
    assert streamer.tokens == [[token] for token in found.ids[0].tolist()] + ["end"]


def test_what_is_refused(tmp_path):
    model = build()
    ids, numbers = text()
    with pytest.raises(InputError, match=r"input_numbers has shape \[2, 9\]"):
        model.generate(ids, input_numbers=numbers[:, :9], max_new_tokens=2)
    with pytest.raises(InputError, match="give input_ids in place of inputs_embeds"):
        model.generate(inputs_embeds=paddle.ones([2, 3, 32]), max_new_tokens=2)
    with pytest.raises(InputError, match="input_number='x' is no setting .* did you mean 'input_numbers'"):
        model.generate(ids, input_number="x")
    with pytest.raises(InputError, match="loop over tokens without numbers; export the forward"):
        model.to_static(str(tmp_path), {})
