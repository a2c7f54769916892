"""Layers that run in another order in one forward, and functions of what enters a block."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import Decoder, InputError, TransformerWrapper

from ..contracts.cases import build, extras, logits, tokens

DEEP = {"depth": 3}
FORGET = {"attn_data_dependent_alibi": True, "attn_inverted_attention": True}


@pytest.mark.parametrize(
    ("repeat_blocks", "order"),
    [
        ((1, 3), (0, 1, 2, 3, 2, 3, 2, 3, 4, 5)),
        ([[0, 1], 2], (0, 1, 2, 3, 0, 1, 2, 3, 4, 5)),
        ([(2, 2), ((0, 1), 1)], (0, 1, 2, 3, 4, 5, 4, 5)),
    ],
)
def test_repeated_blocks_are_an_order_of_execution(repeat_blocks, order):
    model, ids = build(DEEP), tokens()
    fixed = build({**DEEP, "layers_execute_order": order})
    wanted = logits(fixed, ids)
    np.testing.assert_array_equal(logits(model, ids, repeat_blocks=repeat_blocks), wanted)
    np.testing.assert_array_equal(logits(model, ids, layers_execute_order=order), wanted)
    output = model(
        ids, repeat_blocks=repeat_blocks, output_hidden_states=True, output_attentions=True, return_dict=True
    )
    assert len(output.hidden_states) == len(order) // 2 + 1
    assert len(output.attentions) == len(order) // 2


@pytest.mark.parametrize(
    "values",
    [{}, {"cross_attend": True, "shift_tokens": 1}, {"integrate_layers": True}, {"unet_skips": True, "macaron": True}]
    + [
        {"attn_data_dependent_alibi": True, "attn_use_cope": True},
        {"attn_data_dependent_alibi_per_row": True, **FORGET},
    ]
    + [{"residual": "mv_split"}, {"attn_aggregated_residuals": True}, {"weight_tie_layers": True}],
    ids=str,
)
def test_decoding_with_repeated_blocks_equals_one_pass(values):
    model, ids = build({**DEEP, **values}), tokens()
    more = {"repeat_blocks": (1, 2), **extras(model)}
    whole, parts, cache = logits(model, ids, **more), [], None
    for start, stop in ((0, 5), (5, 6), (6, 14)):
        output = model(ids[:, start:stop], past_key_values=cache, use_cache=True, return_dict=True, **more)
        parts.append(output.logits.numpy())
        cache = output.past_key_values
    np.testing.assert_allclose(np.concatenate(parts, axis=1), whole, atol=1e-4)
    assert np.abs(whole - logits(model, ids)).max() > 1e-3
    with pytest.raises(InputError, match="past_key_values holds"):
        model(ids[:, :1], past_key_values=cache, **extras(model))


def test_mems_follow_the_order():
    model, ids = build({**DEEP, "max_mem_len": 6, "rotary_pos_emb": True}), tokens()
    first = model(ids[:, :7], repeat_blocks=(0, 2), return_mems=True, return_dict=True)
    assert len(first.mems) == 5
    logits(model, ids[:, 7:], mems=first.mems, repeat_blocks=(0, 2))
    with pytest.raises(InputError, match="mems holds the states of 4 layers"):
        model(ids[:, 7:], mems=first.mems)


def test_functions_change_what_enters_a_block():
    model, ids = build({**DEEP, "num_memory_tokens": 2}), tokens()
    seen = []

    def note(block, streams):
        seen.append((block, list(streams.shape)))
        return streams + block

    changed = logits(model, ids, transform_block_inputs=note)
    assert seen == [(block, [2, 16, 32]) for block in (1, 2, 3)]
    by_block = {block: (lambda streams, block=block: streams + block) for block in (1, 2, 3)}
    np.testing.assert_array_equal(logits(model, ids, transform_block_inputs=by_block), changed)
    np.testing.assert_array_equal(logits(model, ids, transform_block_inputs={}), logits(model, ids))
    states = model(ids, transform_block_inputs={2: lambda x: x * 0}, output_hidden_states=True, return_dict=True)
    assert not states.hidden_states[1].numpy().any()


def test_a_function_of_blocks_gets_its_gradient():
    model, ids = build(DEEP), tokens()
    factor = paddle.to_tensor(1.5, stop_gradient=False)
    model(ids, labels=ids, transform_block_inputs={2: lambda x: x * factor}, return_dict=True).loss.backward()
    assert abs(float(factor.grad)) > 0


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"repeat_blocks": (3, 2)}, r"repeat_blocks has \(3, 2\); .* blocks from 0 to 2"),
        ({"repeat_blocks": (1, 0)}, "at least one time"),
        ({"repeat_blocks": [((1, 0), 2)]}, "first, last"),
        ({"repeat_blocks": ["ab"]}, "repeat_blocks has 'ab'"),
        ({"repeat_blocks": [(0, 2), ((0, 1), 2)]}, "names block 0 twice"),
        ({"layers_execute_order": (0, 6)}, "each from 0 to 5"),
        ({"layers_execute_order": ()}, "at least one index"),
        ({"layers_execute_order": (0, 1), "repeat_blocks": (0, 2)}, "give one of them"),
        ({"transform_block_inputs": {4: abs}}, "counted from 1 to 3"),
        ({"transform_block_inputs": {1: 2.0}}, "functions of the stream by block"),
        ({"transform_block_inputs": 3}, "must be a function"),
    ],
    ids=str,
)
def test_what_cannot_run_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        build(DEEP)(tokens(), **given)


@pytest.mark.parametrize(
    ("values", "order", "missing"),
    [({"integrate_layers": True}, (0, 2), 1), ({"unet_skips": True}, (2, 3, 4, 5), 0)],
)
def test_a_layer_runs_after_those_that_it_looks_back_at(values, order, missing):
    with pytest.raises(InputError, match=f"runs before layer {missing}, which it looks back at"):
        build({**DEEP, **values})(tokens(), layers_execute_order=order)


def test_wrappers_pass_them_on():
    layers = Decoder(dim=32, depth=2, heads=4, attn_dim_head=8)
    wrapper = TransformerWrapper(num_tokens=37, max_seq_len=32, attn_layers=layers)
    wrapper.eval()
    ids = tokens()
    more = {"repeat_blocks": (1, 2), "transform_block_inputs": {3: lambda x: x * 2}}
    logits_of_wrapper, weights = wrapper(ids, return_attn=True, **more)
    wanted = wrapper.model(ids, return_dict=True, **more).logits.numpy()
    np.testing.assert_allclose(logits_of_wrapper.numpy(), wanted, atol=1e-5)
    assert len(weights) == 3
    x = paddle.randn([2, 5, 32])
    hidden, layers_of_call = layers(x, return_hiddens=True, layers_execute_order=(0, 1, 0, 1))
    assert len(layers_of_call.attn_intermediates) == 2
    assert np.abs(hidden.numpy() - layers(x).numpy()).max() > 1e-3
