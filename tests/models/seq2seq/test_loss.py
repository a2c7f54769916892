"""The loss of an encoder-decoder: every place predicts its label from the labels before it."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from .small import build, run, source, target


def by_hand(logits: np.ndarray, labels: np.ndarray, ignored: int) -> float:
    logits = logits.astype("float64")
    scores = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    counted = [
        -scores[row, place, label]
        for row, line in enumerate(labels)
        for place, label in enumerate(line)
        if label != ignored
    ]
    return float(np.mean(counted))


@pytest.mark.parametrize("ignored", [-100, 0])
def test_labels_are_shifted_right_and_what_is_ignored_becomes_padding(ignored):
    model = build({"ignore_index": ignored, "decoder_start_token_id": 5, "pad_token_id": 7})
    labels = target().numpy()
    labels[0, -3:] = ignored
    labels[1, 2] = ignored
    read = np.concatenate([np.full([2, 1], 5), np.where(labels == ignored, 7, labels)[:, :-1]], axis=1)
    output = model(source(), labels=paddle.to_tensor(labels), return_dict=True)
    expected = run(model, input_ids=source(), decoder_input_ids=paddle.to_tensor(read))
    np.testing.assert_array_equal(output.logits.numpy(), expected)
    assert float(output.loss) == pytest.approx(by_hand(expected, labels, ignored), rel=1e-5)


def test_ignored_labels_at_the_end_change_no_loss():
    model, labels = build(), target()
    longer = paddle.concat([labels, paddle.full([2, 3], -100, dtype="int64")], axis=1)
    losses = [float(model(source(), labels=given)[0]) for given in (labels, longer)]
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)


def test_a_target_begins_with_bos_where_no_start_token_is_set():
    model = build()
    assert model.config.decoder_start_token_id is None
    read = paddle.concat([paddle.ones([2, 1], dtype="int64"), target()[:, :-1]], axis=1)
    expected = run(model, input_ids=source(), decoder_input_ids=read)
    np.testing.assert_array_equal(run(model, input_ids=source(), labels=target()), expected)


def test_what_the_decoder_reads_may_be_given_beside_the_labels():
    model = build()
    read, labels = target(), (target() + 1) % 37
    output = model(source(), decoder_input_ids=read, labels=labels, return_dict=True)
    logits = run(model, input_ids=source(), decoder_input_ids=read)
    assert float(output.loss) == pytest.approx(by_hand(logits, labels.numpy(), -100), rel=1e-5)


@pytest.mark.parametrize(
    ("fields", "labels", "message"),
    [
        ({"bos_token_id": None}, paddle.to_tensor([[3, 4]] * 2), "decoder_start_token_id=None and bos_token_id=None"),
        ({"bos_token_id": 99}, paddle.to_tensor([[3, 4]] * 2), "decoder_start_token_id=99 is outside the vocabulary"),
        ({}, paddle.to_tensor([3, 4]), r"labels has shape \[2\]; give \(batch, target length\)"),
        ({}, paddle.to_tensor([[3, 99]] * 2), "labels holds a number that is no class|outside its table"),
        ({"ignore_index": -1}, paddle.to_tensor([[3, -100]] * 2), "no class|outside"),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(fields, labels, message):
    with pytest.raises(InputError, match=message):
        build(fields)(source(), labels=labels)
