"""The loss: the mean cross entropy of each place against the next label, in float64 by hand."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError

from ..contracts.cases import build, tokens


def reference(logits: np.ndarray, labels: np.ndarray) -> float:
    scores, targets = logits[:, :-1].astype("float64"), labels[:, 1:]
    scores = scores - scores.max(-1, keepdims=True)
    log_probabilities = scores - np.log(np.exp(scores).sum(-1, keepdims=True))
    rows, places = np.nonzero(targets != -100)
    return float(-log_probabilities[rows, places, targets[rows, places]].mean())


def labels(*hidden: tuple[int, int]) -> np.ndarray:
    array = tokens(seed=4).numpy()
    for row, place in hidden:
        array[row, place] = -100
    return array


@pytest.mark.parametrize("dtype", ["int64", "int32"])
@pytest.mark.parametrize(
    "target",
    [labels(), labels((0, 1), (0, 2), (1, 13)), labels(*[(0, i) for i in range(14)])],
    ids=["all", "some", "row"],
)
@pytest.mark.parametrize("fields", [{}, {"num_memory_tokens": 2}, {"tie_word_embeddings": True}], ids=str)
def test_loss_equals_the_reference(fields, target, dtype):
    model = build(fields)
    loss, logits = model(tokens(), labels=paddle.to_tensor(target.astype(dtype)))
    assert loss.shape == [] and loss.dtype == paddle.float32
    assert float(loss) == pytest.approx(reference(logits.numpy(), target), rel=1e-5)


def test_labels_change_no_logits():
    model = build({})
    _, logits = model(tokens(), labels=paddle.to_tensor(labels()))
    np.testing.assert_array_equal(logits.numpy(), model(tokens()).numpy())


def test_the_first_label_and_the_last_place_do_not_count():
    model, target = build({}), labels()
    expected = float(model(tokens(), labels=paddle.to_tensor(target))[0])
    target[:, 0] = 5
    assert float(model(tokens(), labels=paddle.to_tensor(target))[0]) == expected


def test_the_gradient_is_that_of_the_mean():
    model, target = build({}), labels((0, 1), (0, 2), (1, 13))
    loss, logits = model(tokens(), labels=paddle.to_tensor(target))
    (slope,) = paddle.grad(loss, logits)
    scores = logits.numpy().astype("float64")
    expected = np.exp(scores - scores.max(-1, keepdims=True))
    expected /= expected.sum(-1, keepdims=True)
    following = np.concatenate([target[:, 1:], np.full([2, 1], -100)], axis=1)
    counted = following != -100
    rows, places = np.nonzero(counted)
    expected[rows, places, following[rows, places]] -= 1
    expected = expected * counted[..., None] / counted.sum()
    np.testing.assert_allclose(slope.numpy(), expected, atol=1e-6)


@pytest.mark.parametrize("target, length", [(np.full([2, 14], -100), 14), (labels()[:, :1], 1)], ids=["hidden", "one"])
def test_nothing_to_predict_is_no_loss_and_no_nan(target, length):
    model = build({})
    loss = model(tokens()[:, :length], labels=paddle.to_tensor(target))[0]
    assert float(loss) == 0
    loss.backward()
    for name, parameter in model.named_parameters():
        if parameter.grad is not None:
            assert np.abs(parameter.grad.numpy()).max() == 0, name


def test_loss_in_half_precision_logits_is_computed_in_float32():
    from paddle_xformers.models.losses import next_token_loss

    logits = paddle.to_tensor(np.random.default_rng(0).normal(0, 9, [2, 14, 37]).astype("float16"))
    loss = next_token_loss(logits, paddle.to_tensor(labels()))
    assert loss.dtype == paddle.float32
    assert float(loss) == pytest.approx(reference(logits.numpy(), labels()), rel=1e-5)


def test_padding_takes_no_part_when_its_labels_say_so():
    model, ids = build({"rotary_pos_emb": True}), tokens()
    mask, target = paddle.ones_like(ids), ids.clone()
    mask[0, :4] = 0
    target[0, :5] = -100  # the first token after the padding has no place before it
    batch = float(model(ids, attention_mask=mask, labels=target)[0])
    first = float(model(ids[:1, 4:], labels=ids[:1, 4:])[0])
    second = float(model(ids[1:], labels=ids[1:])[0])
    assert batch == pytest.approx((first * 9 + second * 13) / 22, rel=1e-5)


def test_a_few_steps_bring_the_loss_down():
    model, ids = build({}, redraw=False), tokens(b=4)
    model.train()
    optimizer = paddle.optimizer.AdamW(1e-2, parameters=model.parameters())
    losses = []
    for _ in range(30):
        loss = model(ids, labels=ids)[0]
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert losses[0] > 3 and losses[-1] < 0.1


@pytest.mark.parametrize(
    "target",
    [labels()[:, :5], labels()[:1], labels().reshape(-1), labels()[..., None]],
    ids=["short", "one row", "flat", "deep"],
)
def test_labels_of_another_shape_are_refused(target):
    with pytest.raises(InputError, match=r"labels has shape \[.*\[2, 14\]"):
        build({})(tokens(), labels=paddle.to_tensor(target))


@pytest.mark.parametrize("wrong", [37, 1000, -1, -99])
def test_labels_outside_the_vocabulary_are_refused(wrong):
    target = labels()
    target[1, 6] = wrong
    with pytest.raises(InputError, match="labels.*37|labels.*36"):
        build({})(tokens(), labels=paddle.to_tensor(target))


def test_labels_that_are_no_integers_are_refused():
    with pytest.raises(InputError, match="labels.*float32"):
        build({})(tokens(), labels=paddle.to_tensor(labels().astype("float32")))
