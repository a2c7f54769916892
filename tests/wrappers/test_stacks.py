"""Encoder, Decoder and CrossAttender used alone."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import ConfigError, CrossAttender, Decoder, Encoder, InputError, TransformerBlock

from .small import STACK, without_gradient


@pytest.fixture
def x() -> paddle.Tensor:
    return paddle.randn([2, 6, 32])


def test_a_decoder_looks_backwards_and_an_encoder_both_ways(x):
    changed = x.clone()
    changed[:, -1] = 0.0
    for layers, same in ((Decoder, True), (Encoder, False)):
        stack = layers(**STACK)
        stack.eval()
        np.testing.assert_equal(np.array_equal(stack(x)[:, :-1].numpy(), stack(changed)[:, :-1].numpy()), same)


def test_alone_a_stack_adds_no_positions(x):
    stack = Encoder(**STACK, disable_abs_pos_emb=False)
    stack.eval()
    order = paddle.to_tensor([3, 1, 0, 2, 5, 4])
    np.testing.assert_allclose(stack(x)[:, order].numpy(), stack(x[:, order]).numpy(), atol=1e-5)


@pytest.mark.parametrize("layers", [Encoder, Decoder])
def test_padding_does_not_count(layers, x):
    stack = layers(**STACK, rotary_pos_emb=True)
    stack.eval()
    alone = stack(x[:, 2:]).numpy()
    mask = paddle.to_tensor([[False, False, True, True, True, True]] * 2)
    np.testing.assert_allclose(stack(x, mask=mask)[:, 2:].numpy(), alone, atol=1e-5)
    starts = paddle.to_tensor([2, 2])
    np.testing.assert_allclose(stack(x, seq_start_pos=starts)[:, 2:].numpy(), alone, atol=1e-5)


def test_every_form_of_attn_mask(x):
    stack = Encoder(**STACK, rotary_pos_emb=True)
    causal = Decoder(**STACK, rotary_pos_emb=True)
    causal.set_state_dict(stack.state_dict())
    for layers in (stack, causal):
        layers.eval()
    expected = causal(x).numpy()
    lower = paddle.ones([6, 6], dtype="bool").tril()
    for mask in (lower, lower.expand([4, 6, 6]), lower.expand([2, 4, 6, 6])):
        np.testing.assert_allclose(stack(x, attn_mask=mask).numpy(), expected, atol=1e-6)
    padding = paddle.to_tensor([[False, True, True, True, True, True]] * 2)
    both = stack(x, mask=padding, attn_mask=lower)[:, 1:]
    np.testing.assert_allclose(both.numpy(), causal(x[:, 1:]).numpy(), atol=1e-5)


def test_keys_hidden_from_self_attention(x):
    stack = Encoder(**STACK)
    stack.eval()
    changed = x.clone()
    changed[:, 2] = 0.0
    seen = paddle.to_tensor([[True, True, False, True, True, True]] * 2)
    first, second = (stack(states, self_attn_kv_mask=seen).numpy() for states in (x, changed))
    np.testing.assert_array_equal(np.delete(first, 2, axis=1), np.delete(second, 2, axis=1))


def test_cross_attender_looks_at_the_context_only(x):
    stack = CrossAttender(**STACK, cross_attn_dim_context=20)
    stack.eval()
    context = paddle.randn([2, 5, 20])
    whole = stack(x, context=context)
    np.testing.assert_allclose(stack(x[:, :1], context=context).numpy(), whole[:, :1].numpy(), atol=1e-6)
    mask = paddle.to_tensor([[True, True, True, False, False]] * 2)
    np.testing.assert_allclose(
        stack(x, context=context, context_mask=mask).numpy(), stack(x, context=context[:, :3]).numpy(), atol=1e-6
    )
    with pytest.raises(InputError, match="context|encoder_hidden_states"):
        stack(x)


def test_return_hiddens(x):
    stack = Decoder(**STACK, cross_attend=True)
    out, intermediates = stack(x, context=paddle.randn([2, 5, 32]), return_hiddens=True)
    assert [tuple(states.shape) for states in intermediates.hiddens] == [(2, 6, 32)] * 2
    assert (intermediates.hiddens[0] == x).all()
    assert (intermediates.last_hidden == out).all()
    layers = intermediates.attn_intermediates
    assert [layer.layer_type for layer in layers] == ["a", "c", "a", "c"]
    assert [tuple(layer.post_softmax_attn.shape) for layer in layers] == [(2, 4, 6, 6), (2, 4, 6, 5)] * 2


def test_gradients_reach_every_parameter(x):
    stack = Encoder(**STACK)
    stack(x).square().sum().backward()
    assert without_gradient(stack) == []


@pytest.mark.parametrize("argument, sentence", [("mems", "a wrapper with max_mem_len"), ("masks", "'mask'")])
def test_other_arguments_are_refused(x, argument, sentence):
    with pytest.raises(InputError, match=sentence):
        Decoder(**STACK)(x, **{argument: x})


def test_a_stack_comes_back_from_its_folder(x, tmp_path):
    stack = Decoder(**STACK, rotary_pos_emb=True)
    stack.eval()
    stack.save_pretrained(tmp_path)
    loaded = type(stack.model).from_pretrained(tmp_path)
    loaded.eval()
    again = Decoder(**STACK, rotary_pos_emb=True)
    again.model = loaded
    again.eval()
    np.testing.assert_array_equal(again(x).numpy(), stack(x).numpy())


def test_a_block_has_no_final_norm_and_looks_where_it_is_told(x):
    width = {name: value for name, value in STACK.items() if name != "depth"}
    for causal, whole in ((False, Encoder), (True, Decoder)):
        block = TransformerBlock(**width, causal=causal)
        assert block.causal is causal
        assert block.stack.final_norm is None
        assert [layer.kind for layer in block.stack.layers] == ["a", "f"]
        same = whole(**width, depth=1, pre_norm_has_final_norm=False)
        same.set_state_dict(block.state_dict())
        for layers in (block, same):
            layers.eval()
        np.testing.assert_array_equal(block(x).numpy(), same(x).numpy())
    assert TransformerBlock(**width, depth=2, pre_norm_has_final_norm=True).stack.final_norm is not None
    with pytest.raises(ConfigError, match="TransformerBlock has no keyword 'sandwich'"):
        TransformerBlock(**width, sandwich=True)
