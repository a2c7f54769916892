"""Position schemes against independent references."""

from __future__ import annotations

import math

import numpy as np
import paddle
import pytest

from paddle_xformers.config.options import PositionOptions
from paddle_xformers.nn.positions import ALiBi, LearnedPositions, Rotary, T5Bias
from paddle_xformers.nn.positions.alibi import alibi_slopes


@pytest.mark.parametrize("layout", ["interleaved", "half"])
@pytest.mark.parametrize("width", [2, 4, 8])
def test_rotary_turns_each_pair_as_a_complex_number(layout, width):
    head_dim, n, h = 8, 5, 3
    rotary = Rotary(head_dim, PositionOptions(rotary_pos_emb=True, rotary_emb_dim=width, rotary_layout=layout))
    x = np.random.default_rng(0).normal(size=(2, h, n, head_dim))
    positions = np.array([[3, 4, 5, 6, 7], [0, 0, 1, 2, 100]])
    angles = rotary.angles(paddle.to_tensor(positions), batch=2, heads=h, dtype="float32")
    found = rotary.turn(paddle.to_tensor(x, "float32"), angles).numpy()
    flipped = rotary.turn(paddle.to_tensor(x.swapaxes(-1, -2), "float32"), angles.as_feature_major).numpy()
    if layout == "half":
        first, second = np.arange(width // 2), np.arange(width // 2, width)
    else:
        first, second = np.arange(0, width, 2), np.arange(1, width, 2)
    turn = np.exp(1j * positions[:, None, :, None] * 10000.0 ** (-np.arange(0, width, 2) / width))
    pairs = (x[..., first] + 1j * x[..., second]) * turn
    wanted = x.copy()
    wanted[..., first], wanted[..., second] = pairs.real, pairs.imag
    np.testing.assert_allclose(found, wanted, atol=2e-5)
    np.testing.assert_allclose(flipped.swapaxes(-1, -2), wanted, atol=2e-5)


def test_xpos_makes_scores_fade_with_distance_alone():
    width, base = 8, 16
    options = PositionOptions(rotary_pos_emb=True, rotary_emb_dim=8, rotary_xpos=True, rotary_xpos_scale_base=base)
    rotary, rng = Rotary(8, options), np.random.default_rng(0)
    q, k = rng.normal(size=(2, 8))

    def score(i: int, j: int) -> float:
        sides = []
        for x, at, of_keys in ((q, i, False), (k, j, True)):
            angles = rotary.angles(paddle.to_tensor([[at]]), batch=1, heads=1, dtype="float32", of_keys=of_keys)
            sides.append(rotary.turn(paddle.to_tensor(x.reshape(1, 1, 1, 8), "float32"), angles).numpy().ravel())
        return float(sides[0] @ sides[1])

    pairs = np.arange(0, width, 2)
    zeta = (pairs / width + 0.4) / 1.4
    complex_q, complex_k = (x[0::2] + 1j * x[1::2] for x in (q, k))
    for i, j in ((0, 0), (5, 2), (105, 102), (40, 0)):
        turn = np.exp(1j * (i - j) * 10000.0 ** (-pairs / width)) * zeta ** ((i - j) / base)
        assert score(i, j) == pytest.approx((complex_q * turn * complex_k.conj()).sum().real, abs=2e-4)


def test_rotary_angles_keep_their_precision_far_out_in_half_precision():
    rotary = Rotary(8, PositionOptions(rotary_pos_emb=True, rotary_emb_dim=8))
    angles = rotary.angles(paddle.to_tensor([[8000]]), batch=1, heads=1, dtype="float16")
    wanted = np.cos(8000 * 10000.0 ** (-np.arange(0, 8, 2) / 8))
    np.testing.assert_allclose(angles.cos.numpy()[0, 0, 0, ::2], wanted, atol=2e-3)


def test_alibi_slopes_of_the_paper():
    np.testing.assert_allclose(alibi_slopes(8), [2.0**-i for i in range(1, 9)])
    np.testing.assert_allclose(alibi_slopes(16)[:2], [2**-0.5, 2**-1])
    # 12 heads: those of 8, then every other one of 16
    np.testing.assert_allclose(alibi_slopes(12)[8:], [2**-0.5, 2**-1.5, 2**-2.5, 2**-3.5])


def test_alibi_is_a_penalty_by_distance_on_the_first_heads():
    q, k = np.array([[4, 5]]), np.array([[0, 3, 5]])
    bias = ALiBi(3, 2)(paddle.to_tensor(q), paddle.to_tensor(k)).numpy()
    slopes = [*alibi_slopes(2), 0.0]
    for head in range(3):
        np.testing.assert_allclose(bias[0, head], -slopes[head] * np.abs(q.T - k), atol=1e-6)


def t5_bucket(behind: int, causal: bool, buckets: int, far: int) -> int:
    """Section 2.1 of the paper, one distance at a time."""
    offset = 0
    if not causal:
        buckets //= 2
        offset, behind = (buckets if behind < 0 else 0), abs(behind)
    behind = max(behind, 0)
    exact = buckets // 2
    if behind < exact:
        return offset + behind
    grown = exact + int(math.log(behind / exact) / math.log(far / exact) * (buckets - exact))
    return offset + min(grown, buckets - 1)


@pytest.mark.parametrize("causal", [True, False])
@pytest.mark.parametrize(("buckets", "far"), [(32, 128), (8, 20), (6, 8)])
def test_t5_buckets(causal, buckets, far):
    bias = T5Bias(2, buckets, far, 1.5, causal=causal)
    distances = np.array([d for d in range(-150, 200) if d not in (16, 32, 64)])  # powers: the logarithm may round
    q = np.full((1, 1), 0)
    found = bias(paddle.to_tensor(q), paddle.to_tensor(-distances[None])).numpy()[0, :, 0]
    rows = [t5_bucket(int(d), causal, buckets, far) for d in distances]
    np.testing.assert_allclose(found.T, bias.table.weight.numpy()[rows] * 1.5, atol=1e-6)


def test_learned_positions_are_scaled():
    positions = LearnedPositions(10, 16)
    found = positions(paddle.to_tensor([[0, 9]])).numpy()
    np.testing.assert_allclose(found[0], positions.weight.numpy()[[0, 9]] * 0.25, atol=1e-7)
