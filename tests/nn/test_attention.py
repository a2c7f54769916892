"""Attention against a float64 NumPy reference: kernels, masks, head groups, long sequences."""

from __future__ import annotations

import functools

import numpy as np
import paddle
import pytest
from paddle.distributed.fleet.utils import recompute

from paddle_xformers.config.options import AttentionOptions
from paddle_xformers.errors import InputError
from paddle_xformers.nn.attention.attention import Attention
from paddle_xformers.nn.attention.call import AttentionCall
from paddle_xformers.nn.attention.kernels import blockwise
from paddle_xformers.nn.attention.kernels.eager import eager_attention
from paddle_xformers.nn.attention.kernels.fused import fused_attention
from paddle_xformers.nn.attention.masks import make_mask
from paddle_xformers.nn.attention.parts import Site

from ..contracts.cases import build, tokens


def reference(q, k, v, scale, hidden):
    """softmax(q k^T * scale) v in float64; `hidden` (b, 1 or h, n, m) is true where a key may not be seen."""
    h = q.shape[1]
    k, v = (np.repeat(t, h // t.shape[1], axis=1) for t in (k, v))
    scores = np.where(hidden, -np.inf, q @ k.swapaxes(-1, -2) * scale)
    top = np.where(hidden.all(-1, keepdims=True), 0, scores.max(-1, keepdims=True))
    weights = np.exp(scores - top)
    total = weights.sum(-1, keepdims=True)
    return np.where(total > 0, weights / np.where(total > 0, total, 1), 0) @ v


def heads(rng, *shape):
    return rng.normal(size=shape)


@pytest.mark.parametrize("kv_heads", [4, 2, 1])
@pytest.mark.parametrize("causal", [True, False])
def test_eager_attention_equals_the_definition(kv_heads, causal):
    rng = np.random.default_rng(0)
    b, h, n, m, k = 2, 4, 5, 8, 6
    q, keys, values = heads(rng, b, h, n, k), heads(rng, b, kv_heads, m, k), heads(rng, b, kv_heads, m, k)
    keep = rng.random((b, m)) > 0.3
    keep[0, :6] = False  # the first queries of row 0 see nothing when causal
    mask = make_mask(paddle.to_tensor(keep), n=n, m=m, causal=causal)
    hidden = np.broadcast_to(~keep[:, None, None, :], (b, 1, n, m))
    if causal:
        hidden = hidden | (np.arange(m) > np.arange(n)[:, None] + m - n)
    out, weights = eager_attention(
        *(paddle.to_tensor(t, "float32") for t in (q, keys, values)),
        scale=0.4,
        bias=mask.bias,
        visible=mask.visible,
    )
    np.testing.assert_allclose(out.numpy(), reference(q, keys, values, 0.4, hidden), atol=1e-6)
    # Paddle's softmax on the CPU never gives less than exp(-64), about 1.6e-28.
    assert (weights.numpy()[np.broadcast_to(hidden, weights.shape)] < 1e-27).all()


@pytest.mark.parametrize("n", [2, 255, 256, 257, 700, 1100, 1537])
def test_blockwise_attention_equals_eager_with_its_gradients(n):
    """Lengths around the block size, and above the length up to which weights are kept."""
    rng = np.random.default_rng(n)
    b, h, k = 1, 2, 4
    tensors = [paddle.to_tensor(heads(rng, b, h, k, n), "float32") for _ in range(3)]
    slope = paddle.to_tensor(heads(rng, b, h, k, n), "float32")
    keep = np.ones((b, n), dtype=bool)
    keep[0, 1 : n // 3] = False
    mask = make_mask(paddle.to_tensor(keep), n=n, m=n, causal=True)
    found = []
    for fast in (False, True):
        inputs = [t.clone().detach() for t in tensors]
        for t in inputs:
            t.stop_gradient = False
        if fast:
            out = blockwise.blockwise_causal_attention(*inputs, 0.5, mask.key_bias)
        else:
            q, keys, values = (t.transpose([0, 1, 3, 2]) for t in inputs)
            out = eager_attention(q, keys, values, scale=0.5, bias=mask.bias)[0].transpose([0, 1, 3, 2])
        found.append([out, *paddle.grad([out], inputs, [slope])])
    for plain, quick in zip(*found, strict=True):
        np.testing.assert_allclose(quick.numpy(), plain.numpy(), rtol=1e-5, atol=2e-5)


@pytest.mark.parametrize("n", [300, 1100])
def test_views_survive_recompute_in_the_blockwise_kernel(n):
    """Parts of one tensor, in several blocks, with weights kept and computed again."""
    rng = np.random.default_rng(n)
    b, h, k = 2, 2, 4
    packed = heads(rng, b, h, 3 * k, n)
    slope = paddle.to_tensor(heads(rng, b, h, k, n), "float32")

    def attend(x):
        parts = (x * 1.0)[:, :, :k], (x * 1.0)[:, :, k : 2 * k], (x * 1.0)[:, :, 2 * k :]
        return blockwise.blockwise_causal_attention(*parts, 0.5, None)

    found = []
    for run in (attend, functools.partial(recompute, attend, use_reentrant=False)):
        x = paddle.to_tensor(packed, "float32", stop_gradient=False)
        found.append(paddle.grad([run(x)], [x], [slope])[0].numpy())
    np.testing.assert_allclose(found[1], found[0], atol=1e-6)


def test_keys_may_differ_from_values_in_width_and_number_of_heads():
    rng = np.random.default_rng(2)
    q, keys, values = heads(rng, 2, 4, 6, 5), heads(rng, 2, 1, 6, 5), heads(rng, 2, 2, 6, 3)
    wanted = reference(q, keys, values, 0.4, np.triu(np.ones([6, 6], bool), 1))
    mask = make_mask(None, n=6, m=6, causal=True)
    tensors = [paddle.to_tensor(t, "float32") for t in (q, keys, values)]
    found = eager_attention(*tensors, scale=0.4, bias=mask.bias)[0]
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)
    written_out = (t.repeat_interleave(4 // t.shape[1], axis=1).transpose([0, 1, 3, 2]) for t in tensors)
    found = blockwise.blockwise_causal_attention(*written_out, 0.4, None)
    np.testing.assert_allclose(found.numpy().swapaxes(-1, -2), wanted, atol=1e-6)


def test_the_fused_kernel_serves_other_numbers_of_key_and_value_heads():
    rng = np.random.default_rng(5)
    q, keys, values = heads(rng, 2, 4, 6, 8), heads(rng, 2, 1, 6, 8), heads(rng, 2, 2, 6, 8)
    tensors = [paddle.to_tensor(t, "float32") for t in (q, keys, values)]
    found = fused_attention(*tensors, scale=0.4, bias=None, visible=None, causal=True, dropout=0.0)
    hidden = np.triu(np.ones([6, 6], bool), 1)
    np.testing.assert_allclose(found.numpy(), reference(q, keys, values, 0.4, hidden), atol=1e-6)


@pytest.mark.parametrize(
    ("fields", "training", "inference"),
    [
        ({}, True, True),
        ({"position_bias": "alibi"}, True, True),
        ({"position_bias": "alibi", "alibi_learned": True}, False, True),
        ({"position_bias": "t5"}, False, True),
        ({"attn_collab_heads": True}, False, False),
        ({"attn_qk_norm": True}, True, True),
        ({"attn_laser": True}, True, True),
        ({"attn_add_zero_kv": True, "max_attend_past": 3}, True, True),
        ({"attn_l2_distance": True}, False, False),
        ({"attn_softclamp_logits": True}, False, False),
        ({"attn_head_learned_sink": True}, False, False),
    ],
    ids=str,
)
def test_the_fused_kernel_gets_what_it_can_do(fields, training, inference, monkeypatch):
    """Flash kernels give a bias no gradient, and want keys and values of one width."""
    calls = []

    def watched(*args, **kwargs):
        calls.append(args)
        return fused_attention(*args, **kwargs)

    monkeypatch.setattr("paddle_xformers.nn.attention.attention.fused_attention", watched)
    model = build({**fields, "attn_kernel": "fused"})
    model(tokens())
    assert bool(calls) == training
    calls.clear()
    with paddle.no_grad():
        model(tokens())
    assert bool(calls) == inference


def test_projections_replaced_by_another_layer_leave_the_fast_lane():
    """LoRA puts its own layer in place of a projection: its forward must be called."""
    paddle.seed(0)
    attention = Attention(Site(16, 16, AttentionOptions(heads=2, attn_dim_head=8)))
    attention.eval()
    x = paddle.randn([2, 6, 16])
    call = AttentionCall(make_mask(None, n=6, m=6, causal=True))
    before = attention(x, call).output

    class Doubled(paddle.nn.Linear):
        def forward(self, t):
            return super().forward(t) * 2

    doubled = Doubled(16, 16, bias_attr=False)
    doubled.weight.set_value(attention.v_proj.weight)
    attention.v_proj = doubled
    np.testing.assert_allclose(attention(x, call).output.numpy(), 2 * before.numpy(), atol=1e-5)


def test_a_hook_on_a_projection_is_called():
    attention = Attention(Site(16, 16, AttentionOptions(heads=2, attn_dim_head=8)))
    seen = []
    attention.q_proj.register_forward_post_hook(lambda layer, given, out: seen.append(out.shape))
    attention(paddle.randn([1, 3, 16]), AttentionCall(make_mask(None, n=3, m=3, causal=True)))
    assert seen == [[1, 3, 16]]


def test_masks_of_every_kind_mean_the_same():
    rng = np.random.default_rng(1)
    b, n = 2, 6
    keep = rng.random((b, n)) > 0.4
    square = np.broadcast_to(keep[:, None, :], (b, n, n))
    wanted = make_mask(paddle.to_tensor(keep), n=n, m=n, causal=True)
    kinds = [
        keep.astype("int64"),
        np.where(keep, 3, -1_000_000),  # what PaddleNLP's generation writes into integer masks
        np.where(keep, 0.0, -1e6).astype("float32"),
        square,
        square.astype("int32"),
        np.where(square, 0.0, -1e4).astype("float32"),
        square[:, None],
        square[:, None].astype("int64"),
        keep[:, None, None, :],
        np.repeat(square[:, None], 3, axis=1),
    ]
    for kind in kinds:
        mask = make_mask(paddle.to_tensor(kind), n=n, m=n, causal=True)
        found = np.broadcast_to((mask.bias.numpy() > -9e3)[:, :1], (b, 1, n, n))
        np.testing.assert_array_equal(found, np.broadcast_to(wanted.bias.numpy() > -9e3, (b, 1, n, n)))
        np.testing.assert_array_equal(mask.visible.numpy()[:, :1], wanted.visible.numpy())


@pytest.mark.parametrize("shape", [(2, 7), (2, 4, 6), (6,), (2, 1, 1, 1, 6)])
def test_a_mask_of_the_wrong_shape_is_refused(shape):
    with pytest.raises(InputError, match="attention_mask has shape"):
        make_mask(paddle.ones(shape, dtype="int64"), n=6, m=6, causal=True)


def test_a_mask_of_the_wrong_type_is_refused():
    with pytest.raises(InputError, match="complex64"):
        make_mask(paddle.ones([2, 6]).astype("complex64"), n=6, m=6, causal=True)
