"""Vectors in front of, and added to, streams of tokens and texts with numbers."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from ..contracts.subjects.subject import Subject, drawn
from ..contracts.subjects.xmultiinput import SUBJECTS as STREAMS
from ..contracts.subjects.xval import SUBJECTS as NUMBERS

P, N, NEW = 3, 12, 5
FAMILIES = {"streams": STREAMS[0], "numbers": NUMBERS[0]}
AROUND: dict[str, dict[str, Any]] = {
    "": {},
    "memory, rotary": {"num_memory_tokens": 2, "rotary_pos_emb": True},
    "memory between": {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 4, "position_bias": "t5"},
    "shift, alibi": {"shift_tokens": 1, "position_bias": "alibi", "attn_kv_heads": 2},
}
each_family = pytest.mark.parametrize("subject", FAMILIES.values(), ids=FAMILIES)
each_around = pytest.mark.parametrize("around", AROUND.values(), ids=AROUND)


def results(subject: Subject, model: Any, inputs: dict[str, Any], **more: Any) -> np.ndarray:
    return subject.numbers(model, inputs, **more)


def generated(subject: Subject, model: Any, inputs: dict[str, Any], **more: Any) -> list[np.ndarray]:
    found = model.generate(**inputs, max_new_tokens=NEW, **more)
    parts = found.values() if isinstance(found, dict) else (found.ids, found.numbers)
    return [np.nan_to_num(part.numpy()) for part in parts]


@each_family
@each_around
def test_vectors_in_front_are_read_and_left_out(subject, around):
    model = subject.build(around)
    inputs, vectors = subject.feed(model, 2, N), drawn(1, 2, P, 32)
    found = results(subject, model, inputs, prepend_embeds=vectors)
    plain = results(subject, model, inputs)
    assert found.shape == plain.shape
    assert np.abs(found - plain).max() > 1e-3
    whole = results(subject, model, inputs, prepend_embeds=vectors, excise_prepend_embeds=False)
    assert whole.shape[1] == P + N
    np.testing.assert_allclose(whole[:, P:], found, atol=1e-6)
    labels = subject.labels(inputs)
    losses = [
        float(subject.output(model, {**inputs, **labels}, prepend_embeds=vectors, excise_prepend_embeds=on).loss)
        for on in (True, False)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-6)


@each_family
@each_around
def test_in_pieces_with_a_cache(subject, around):
    model = subject.build(around)
    inputs, vectors = subject.feed(model, 2, N), drawn(1, 2, P, 32)
    added = drawn(2, 2, N, 32)
    whole = results(subject, model, inputs, prepend_embeds=vectors, sum_embeds=added)
    cache, found = None, []
    for start, stop in ((0, 5), (5, 6), (6, N)):
        given = {"prepend_embeds": vectors} if cache is None else {"past_key_values": cache}
        piece = subject.part(inputs, start, stop)
        output = subject.output(model, piece, use_cache=True, sum_embeds=added[:, start:stop], **given)
        cache = output.past_key_values
        found.append(subject.result_of(output).numpy())
    np.testing.assert_allclose(np.concatenate(found, 1), whole, atol=1e-4)


@each_family
@each_around
def test_padding_among_the_vectors_and_the_tokens(subject, around):
    model = subject.build(around)
    inputs, vectors = subject.feed(model, 2, N), drawn(1, 2, P, 32)
    mask, kept = np.ones([2, N], "int64"), np.ones([2, P], "int64")
    mask[0, 9:], kept[0, :2] = 0, 0
    given = {"attention_mask": paddle.to_tensor(mask), "prepend_mask": paddle.to_tensor(kept)}
    together = results(subject, model, inputs, prepend_embeds=vectors, **given)[:1, :9]
    alone = subject.part({name: value[:1] for name, value in inputs.items()}, 0, 9)
    np.testing.assert_allclose(together, results(subject, model, alone, prepend_embeds=vectors[:1, 2:]), atol=1e-5)


@each_family
@each_around
def test_generation_with_a_cache_as_without(subject, around):
    model = subject.build(around, eos_token_id=None)
    inputs, vectors = subject.feed(model, 2, N), drawn(1, 2, P, 32) * 3
    cached, anew = (generated(subject, model, inputs, prepend_embeds=vectors, use_cache=on) for on in (True, False))
    for one, other in zip(cached, anew, strict=True):
        np.testing.assert_allclose(one, other, atol=1e-4)
    plain = generated(subject, model, inputs)
    assert any((one != other).any() for one, other in zip(cached, plain, strict=True))


@each_family
def test_what_is_added_acts_as_in_the_embeddings(subject):
    model = subject.build({})
    inputs, added = subject.feed(model, 2, N), drawn(2, 2, N, 32)
    embeddings = model.base_model.embeddings
    looked_up = embeddings.look_up(*inputs.values())
    rest = {"inputs_embeds": looked_up + added}
    np.testing.assert_allclose(
        results(subject, model, inputs, sum_embeds=added), results(subject, model, rest), atol=1e-5
    )


@each_family
def test_what_does_not_fit_is_refused(subject):
    model = subject.build({})
    inputs = subject.feed(model, 2, N)
    for given, words in (
        ({"prepend_embeds": drawn(1, 2, P, 31)}, "prepend_embeds has shape"),
        ({"prepend_mask": paddle.ones([2, P], dtype="int64")}, "prepend_mask has no effect without prepend_embeds"),
        ({"sum_embeds": drawn(1, 2, N - 1, 32)}, "sum_embeds has shape"),
    ):
        with pytest.raises(InputError, match=words):
            model(**inputs, **given)
