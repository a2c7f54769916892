"""PrefixDecoder alone and in a TransformerWrapper."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    ConfigError,
    ContinuousTransformerWrapper,
    Decoder,
    Encoder,
    InputError,
    PrefixDecoder,
    TransformerWrapper,
)

from .small import STACK

LENGTHS = [2, 5]


def alike(*layers):
    """The same weights in each, and no dropout."""
    for one in layers:
        one.set_state_dict(layers[0].state_dict())
        one.eval()
    return layers


def test_alone_it_looks_backwards_and_both_ways_within_the_prefix():
    x = paddle.randn([2, 6, 32])
    prefix, both, back = alike(*(kind(**STACK, rotary_pos_emb=True) for kind in (PrefixDecoder, Encoder, Decoder)))
    np.testing.assert_allclose(prefix(x).numpy(), back(x).numpy(), atol=1e-6)
    np.testing.assert_allclose(prefix(x, prefix_attn_len=6).numpy(), both(x).numpy(), atol=1e-6)
    found = prefix(x, prefix_attn_len=paddle.to_tensor(LENGTHS)).numpy()
    for row, length in enumerate(LENGTHS):
        np.testing.assert_allclose(found[row, :length], both(x[row : row + 1, :length])[0].numpy(), atol=1e-5)
        np.testing.assert_allclose(found[row], prefix(x[row : row + 1], prefix_attn_len=length)[0].numpy(), atol=1e-5)
    hidden = paddle.ones([6, 6], "bool").tril()  # an attn_mask hides tokens of the prefix, too
    np.testing.assert_allclose(prefix(x, attn_mask=hidden, prefix_attn_len=4).numpy(), back(x).numpy(), atol=1e-6)


def test_in_a_wrapper_it_is_the_decoder_with_a_prefix():
    model = TransformerWrapper(num_tokens=20, max_seq_len=16, attn_layers=PrefixDecoder(**STACK))
    model.eval()
    assert model.config.prefix_lm and model.config.causal
    ids = paddle.randint(0, 20, [2, 8])
    changed = ids.clone()
    changed[:, 4] = (ids[:, 4] + 1) % 20
    within, behind = model(ids, prefix_attn_len=5), model(changed, prefix_attn_len=5)
    assert np.abs((within - behind).numpy()[:, :4]).max(axis=-1).min() > 1e-5
    lengths = paddle.to_tensor([4, 4])
    before, after = model(ids, prefix_attn_len=lengths), model(changed, prefix_attn_len=lengths)
    np.testing.assert_allclose(before.numpy()[:, :4], after.numpy()[:, :4], atol=1e-6)


def test_what_a_prefix_cannot_be_is_refused():
    with pytest.raises(InputError, match=r"prefix_attn_len has shape \[2, 1\]; give a number, or \(batch\)"):
        PrefixDecoder(**STACK)(paddle.randn([2, 6, 32]), prefix_attn_len=paddle.ones([2, 1], "int64"))
    model = TransformerWrapper(num_tokens=20, max_seq_len=16, attn_layers=Decoder(**STACK))
    with pytest.raises(InputError, match="prefix_attn_len needs layers that look both ways"):
        model(paddle.ones([1, 4], "int64"), prefix_attn_len=2)
    with pytest.raises(ConfigError, match="does not take a PrefixDecoder"):
        ContinuousTransformerWrapper(max_seq_len=8, attn_layers=PrefixDecoder(**STACK), dim_in=4, dim_out=4)
