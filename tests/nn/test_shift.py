"""Token shift against a reference that walks over tokens one by one, in float64."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.nn.shift import TokenShift, line_up

D, N = 11, 7  # 11 features: no number of chunks divides them
MASKS = {
    "left": "0011111 1111111 0000001",
    "right": "1111100 1111111 1000000",
    "in between": "1001011 0110110 0101010",
    "a row without tokens": "0000000 1111111 1111110",
}


def as_mask(text: str) -> np.ndarray:
    return np.array([[mark == "1" for mark in row] for row in text.split()])


def reference(x, valid, reach, *, causal, before=None):
    """Shifted rows, which hold zero at padding, and the last `reach` tokens of each row."""
    shifts = list(range(0 if causal else -reach, reach + 1))
    width = D // len(shifts)
    shifted, last = np.zeros_like(x), np.zeros([len(x), reach, D])
    for row, (inputs, keep) in enumerate(zip(x, valid, strict=True)):
        earlier = [] if before is None else list(before[row])
        tokens = earlier + [token for token, kept in zip(inputs, keep, strict=True) if kept]
        for at, place in enumerate(np.flatnonzero(keep)):
            shifted[row, place] = inputs[place]
            for chunk, shift in enumerate(shifts):
                features = slice(chunk * width, (chunk + 1) * width)
                source = len(earlier) + at - shift
                inside = 0 <= source < len(tokens)
                shifted[row, place, features] = tokens[source][features] if inside else 0
        for back, token in enumerate(reversed(tokens[-reach:]), start=1):
            last[row, -back] = token
    return shifted, last


def run(x, valid, reach, *, causal, before=None, known=True):
    line = line_up(paddle.to_tensor(valid)) if known else None
    past = () if before is None else (paddle.to_tensor(before, "float32"),)
    return TokenShift(D, reach, causal=causal)(paddle.to_tensor(x, "float32"), line, past)


def assert_as_reference(x, valid, reach, **kwargs):
    shifted, kept = run(x, valid, reach, **kwargs)
    kwargs.pop("known", None)
    wanted, last = reference(x, valid, reach, **kwargs)
    np.testing.assert_allclose(shifted.numpy() * valid[..., None], wanted, atol=1e-6)
    assert len(kept) == kwargs["causal"]
    if kept:
        np.testing.assert_allclose(kept[0].numpy(), last, atol=1e-6)


@pytest.mark.parametrize("continued", [False, True], ids=["", "continued"])
@pytest.mark.parametrize("reach", [1, 2, 5, 9])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_features_come_from_the_tokens_before(mask, reach, continued):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(3, N, D))
    before = rng.normal(size=(3, reach, D)) if continued else None
    assert_as_reference(x, as_mask(mask), reach, causal=True, before=before)
    assert_as_reference(x, np.ones([3, N], bool), reach, causal=True, before=before, known=False)


@pytest.mark.parametrize("reach", [1, 2, 5])
@pytest.mark.parametrize("mask", MASKS.values(), ids=MASKS)
def test_features_come_from_both_sides_in_a_bidirectional_stack(mask, reach):
    x = np.random.default_rng(0).normal(size=(3, N, D))
    assert_as_reference(x, as_mask(mask), reach, causal=False)
    assert_as_reference(x, np.ones([3, N], bool), reach, causal=False, known=False)


@pytest.mark.parametrize("size", [1, 2, 3])
def test_pieces_give_what_the_whole_gives(size):
    x = paddle.randn([2, N, D])
    shift = TokenShift(D, 2, causal=True)
    kept, pieces = (), []
    for start in range(0, N, size):
        piece, kept = shift(x[:, start : start + size], None, kept)
        pieces.append(piece)
    np.testing.assert_array_equal(paddle.concat(pieces, 1).numpy(), shift(x)[0].numpy())


def test_the_line_and_its_inverse():
    line = line_up(paddle.to_tensor(as_mask("1001011 0110110")))
    assert line.order.numpy().tolist() == [[0, 3, 5, 6, 1, 2, 4], [1, 2, 4, 5, 0, 3, 6]]
    assert line.back.take_along_axis(line.order, 1).numpy().tolist() == [list(range(7))] * 2
    assert line.count.numpy().tolist() == [[4], [4]]


def test_gradient_is_that_of_the_places_the_features_came_from():
    x = paddle.randn([3, N, D])
    x.stop_gradient = False
    valid = as_mask(MASKS["in between"])
    weights = np.random.default_rng(1).normal(size=(3, N, D)) * valid[..., None]
    shifted, _ = TokenShift(D, 2, causal=True)(x, line_up(paddle.to_tensor(valid)))
    (shifted * paddle.to_tensor(weights, "float32")).sum().backward()
    step = 1e-3
    rng = np.random.default_rng(2)
    way = rng.normal(size=(3, N, D))
    values = [(reference(x.numpy() + sign * step * way, valid, 2, causal=True)[0] * weights).sum() for sign in (1, -1)]
    assert (x.grad.numpy() * way).sum() == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-4)
