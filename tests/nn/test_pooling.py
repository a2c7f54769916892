"""Poolers against their definitions in float64 NumPy."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers.config.options import AttentionOptions, EncoderOptions
from paddle_xformers.nn.places import kept_tokens
from paddle_xformers.nn.pooling import AttentionPool, Pooler, first_token, last_token, mean_of_tokens

B, N, D, HEADS, WIDTH = 4, 6, 8, 2, 3
HIDDEN = np.random.default_rng(0).normal(size=(B, N, D)).astype("float32")
KEEP = np.array([[1, 1, 1, 1, 1, 1], [0, 0, 1, 1, 1, 1], [1, 1, 1, 0, 0, 0], [0, 0, 0, 0, 0, 0]], bool)
SIMPLE = {
    "first": (first_token, lambda rows: rows[0]),
    "last": (last_token, lambda rows: rows[-1]),
    "mean": (mean_of_tokens, lambda rows: rows.mean(0)),
}


@pytest.mark.parametrize(("pool", "definition"), SIMPLE.values(), ids=SIMPLE)
def test_simple_pools(pool, definition):
    found = pool(paddle.to_tensor(HIDDEN), paddle.to_tensor(KEEP)).numpy()
    for row in range(3):
        np.testing.assert_allclose(found[row], definition(HIDDEN[row, KEEP[row]].astype("float64")), rtol=1e-5)
    np.testing.assert_array_equal(found[3], 0)
    whole = pool(paddle.to_tensor(HIDDEN), None).numpy()
    np.testing.assert_allclose(whole, [definition(row.astype("float64")) for row in HIDDEN], rtol=1e-5, atol=1e-7)


def attended(pool: AttentionPool, rows: np.ndarray) -> np.ndarray:
    """One learned query looks at the rows, head by head."""
    q, k, v, o = (getattr(pool.attn, f"{name}_proj").weight.numpy().astype("float64") for name in ("q", "k", "v", "o"))
    query, merged = pool.queries.numpy()[0] @ q, []
    for head in range(HEADS):
        part = slice(head * WIDTH, (head + 1) * WIDTH)
        scores = (rows @ k[:, part]) @ query[part] / np.sqrt(WIDTH)
        weights = np.exp(scores - scores.max())
        merged.append(weights / weights.sum() @ (rows @ v[:, part]))
    return np.concatenate(merged) @ o


@pytest.mark.parametrize("masked", [False, True])
def test_attention_pool(masked):
    pool = AttentionPool(D, AttentionOptions(heads=HEADS, attn_dim_head=WIDTH))
    pool.queries.set_value(paddle.to_tensor(np.linspace(-2, 2, D).astype("float32").reshape(1, D)))
    found = pool(paddle.to_tensor(HIDDEN), paddle.to_tensor(KEEP) if masked else None).numpy()
    for row in range(3 if masked else 4):
        rows = HIDDEN[row, KEEP[row]] if masked else HIDDEN[row]
        np.testing.assert_allclose(found[row], attended(pool, rows.astype("float64")), atol=1e-6)
    if masked:
        np.testing.assert_array_equal(found[3], 0)


def test_what_several_queries_find_stands_side_by_side():
    options = EncoderOptions(pooler="attention", num_pooled_tokens=2, dim_pooled_tokens=5, pooler_dense=True)
    pooler = Pooler(D, options, AttentionOptions(heads=HEADS, attn_dim_head=WIDTH))
    found = pooler.attention(paddle.to_tensor(HIDDEN), paddle.to_tensor(KEEP))
    assert found.shape == [B, 10] == [B, options.pooled_width(D)] and pooler.dense.weight.shape == [10, 10]
    one = Pooler(
        D, EncoderOptions(pooler="attention", dim_pooled_tokens=5), AttentionOptions(heads=HEADS, attn_dim_head=WIDTH)
    )
    state = {**pooler.attention.state_dict()}
    for query in range(2):
        state["queries"] = pooler.attention.queries[query : query + 1]
        one.attention.set_state_dict(state)
        alone = one.attention(paddle.to_tensor(HIDDEN), paddle.to_tensor(KEEP)).numpy()
        np.testing.assert_allclose(found.numpy()[:, 5 * query : 5 * query + 5], alone, atol=1e-6)


def test_dense_layer_and_unit_length():
    options = EncoderOptions(pooler="mean", pooler_dense=True, pooler_normalize=True)
    pooler = Pooler(D, options, AttentionOptions())
    found = pooler(paddle.to_tensor(HIDDEN), None).numpy()
    expected = np.tanh(HIDDEN.astype("float64").mean(1) @ pooler.dense.weight.numpy() + pooler.dense.bias.numpy())
    expected /= np.sqrt((expected * expected).sum(-1, keepdims=True))
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("mask", "expected"),
    [
        (KEEP, KEEP),
        (KEEP.astype("int64"), KEEP),
        (KEEP.astype("int64") * 3 - 1, KEEP),
        (np.where(KEEP, 0.0, -1e4).astype("float32"), KEEP),
        (np.ones([B, 1, N], "int64"), None),
    ],
    ids=["bool", "int", "numbers", "float", "three axes"],
)
def test_tokens_of_a_mask(mask, expected):
    found = kept_tokens(paddle.to_tensor(mask))
    assert (found is None) == (expected is None)
    if expected is not None:
        np.testing.assert_array_equal(found.numpy(), expected)
