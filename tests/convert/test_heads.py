"""The order of heads: x-transformers interleaves the heads that share keys, we put them side by side."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_xformers import CheckpointError, XDecoderConfig
from paddle_xformers.convert.heads import bias_table, head_order, key_heads, output_heads, query_heads
from paddle_xformers.convert.table import Place

DIM, HEADS, WIDTH, TOKENS = 12, 6, 4, 5


def place(index: int = 0, **options) -> Place:
    config = XDecoderConfig(dim=DIM, depth=2, heads=HEADS, attn_dim_head=WIDTH, **options)
    stack = config.stack_options()
    return Place("layers.0.1.to_q.weight", stack, stack.layers[index])


def attend(x, q, k, v, o, kv_heads, key_of_head):
    """Attention by definition, with torch's (out, in) weights and any choice of keys for each query head."""
    queries, keys, values = ((x @ w.T).reshape(TOKENS, -1, WIDTH) for w in (q, k, v))
    outputs = []
    for head in range(HEADS):
        source = key_of_head(head)
        scores = queries[:, head] @ keys[:, source].T
        weights = np.exp(scores - scores.max(-1, keepdims=True))
        outputs.append(weights / weights.sum(-1, keepdims=True) @ values[:, source])
    return np.concatenate(outputs, axis=1) @ o.T


@pytest.mark.parametrize("kv_heads", [1, 2, 3, 6])
def test_heads_that_share_keys_become_neighbours(kv_heads):
    order = head_order(HEADS, kv_heads)
    assert sorted(order) == list(range(HEADS))
    assert list(order % kv_heads) == [head // (HEADS // kv_heads) for head in range(HEADS)]


@pytest.mark.parametrize("kv_heads", [1, 2, 3, 6])
def test_both_orders_attend_alike(kv_heads):
    draw = np.random.default_rng(0)
    x = draw.standard_normal((TOKENS, DIM))
    q, k, v = (draw.standard_normal((n * WIDTH, DIM)) for n in (HEADS, kv_heads, kv_heads))
    o = draw.standard_normal((DIM, HEADS * WIDTH))
    theirs = attend(x, q, k, v, o, kv_heads, lambda head: head % kv_heads)
    where = place(attn_kv_heads=kv_heads)
    ours = [f(w, where).T for f, w in ((query_heads, q), (key_heads, k), (key_heads, v), (output_heads, o))]
    np.testing.assert_allclose(attend(x, *ours, kv_heads, lambda head: head // (HEADS // kv_heads)), theirs)


def test_all_heads_keep_their_places_without_groups():
    q = np.arange(HEADS * WIDTH * DIM, dtype="float32").reshape(HEADS * WIDTH, DIM)
    np.testing.assert_array_equal(query_heads(q, place()), q.T)
    np.testing.assert_array_equal(output_heads(q.T, place()), q)


def test_keys_are_written_out_for_more_heads():
    draw = np.random.default_rng(0)
    k = draw.standard_normal((2 * WIDTH, DIM))
    ours = key_heads(k, place(attn_kv_heads=6)).T.reshape(HEADS, WIDTH, DIM)
    for head in range(HEADS):
        np.testing.assert_array_equal(ours[head], k.reshape(2, WIDTH, DIM)[head % 2])


def test_cross_attention_follows_its_own_groups():
    q = np.arange(HEADS, dtype="float32").repeat(WIDTH)[:, None]
    where = place(1, cross_attend=True, attn_kv_heads=2, cross_attn_kv_heads=3)
    assert where.layer.kind == "c"
    np.testing.assert_array_equal(query_heads(q, where)[0, ::WIDTH], head_order(HEADS, 3))


def test_t5_table_follows_the_heads():
    table = np.arange(HEADS, dtype="float32")[None].repeat(32, axis=0)
    where = place(position_bias="t5", attn_kv_heads=2)
    np.testing.assert_array_equal(bias_table(table, where)[0], head_order(HEADS, 2))


def test_t5_table_cannot_follow_two_orders():
    with pytest.raises(CheckpointError, match=r"position_bias='t5'.*attn_kv_heads=3.*set attn_kv_heads=None"):
        bias_table(np.zeros((32, HEADS)), place(position_bias="t5", attn_kv_heads=[2, 3]))


def test_alibi_slopes_cannot_follow():
    q = np.zeros((HEADS * WIDTH, DIM))
    with pytest.raises(CheckpointError, match=r"position_bias='alibi'.*attn_kv_heads=2.*set attn_kv_heads=None"):
        query_heads(q, place(position_bias="alibi", attn_kv_heads=2))
    query_heads(q, place(position_bias="alibi", attn_kv_heads=1))  # one group: nobody moves


def test_heads_of_another_width_are_refused():
    with pytest.raises(CheckpointError, match=r"20 features.*heads=6 and attn_dim_head=4 make 24"):
        query_heads(np.zeros((20, DIM)), place())
