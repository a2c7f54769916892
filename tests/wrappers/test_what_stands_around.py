"""Layers are built before what stands around them is known; with it they are what a model of the same fields has."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_xformers import ConfigError, Decoder, TransformerWrapper, XDecoderForCausalLM

from ..contracts.subjects.subject import redraw_parameters
from .small import AROUND, STACK, language_model, tokens, without_gradient

# The layers, and what stands around them.
BUNDLES = {
    "selective, memory tokens": ({"attn_selective": True}, {"num_memory_tokens": 3}),
    "dynamic bias, mems": ({"dynamic_pos_bias": True}, {"max_seq_len": 8, "max_mem_len": 16}),
    "t5 bias": ({"rel_pos_bias": True}, {}),
    "learned slopes": ({"alibi_pos_bias": True, "alibi_learned": True}, {}),
    "forgetting, memory tokens": ({"attn_data_dependent_alibi": True}, {"num_memory_tokens": 2, "max_mem_len": 4}),
    "contextual positions": ({"attn_use_cope": True, "attn_cope_max_pos": 4}, {"num_memory_tokens": 2}),
    "forgetting by row": (
        {"attn_data_dependent_alibi": True, "attn_data_dependent_alibi_per_row": True},
        {"max_mem_len": 6},
    ),
    "xpos": ({"rotary_pos_emb": True, "rotary_xpos": True}, {}),
    "inverted, memory tokens": ({"attn_inverted_attention": True}, {"num_memory_tokens": 2}),
}
each_bundle = pytest.mark.parametrize(("stack", "around"), BUNDLES.values(), ids=BUNDLES)


@each_bundle
def test_what_is_saved_is_what_is_loaded(stack, around, tmp_path):
    model = language_model(around=around, **stack)
    redraw_parameters(model)
    model.save_pretrained(tmp_path)
    loaded = XDecoderForCausalLM.from_pretrained(tmp_path)
    loaded.eval()
    x = tokens(n=8)
    np.testing.assert_array_equal(model(x).numpy(), loaded(x).numpy())
    if "max_mem_len" in around:
        mems = None
        for _ in range(3):
            output = loaded(x, mems=mems, return_mems=True, return_dict=True)
            found = model.model(x, mems=mems, return_mems=True, return_dict=True).logits
            np.testing.assert_array_equal(found.numpy(), output.logits.numpy())
            mems = output.mems


@each_bundle
def test_their_parameters_are_those_of_the_layers(stack, around):
    layers = Decoder(**STACK, **stack)
    model = TransformerWrapper(**{**AROUND, **around}, attn_layers=layers)
    held = {id(parameter) for parameter in model.parameters()}
    assert {id(parameter) for parameter in layers.parameters()} < held
    assert len(held) == len(model.state_dict())
    model(tokens(n=8)).sum().backward()
    assert without_gradient(model) == []


def test_a_bias_looks_as_far_as_the_segment_and_what_stands_before_it():
    layers = Decoder(**STACK, dynamic_pos_bias=True)
    assert layers.stack.position_bias.reach is None
    for around, reach in (({}, 48), ({"max_seq_len": 8, "max_mem_len": 16, "num_memory_tokens": 2}, 26)):
        model = TransformerWrapper(**{**AROUND, **around}, attn_layers=layers)
        assert model.model.xdecoder.stack.position_bias.reach == reach


@pytest.mark.parametrize(
    ("fields", "part"),
    [
        ({"rel_pos_bias": True}, "position_bias"),
        ({"attn_data_dependent_alibi": True}, "layers.0.attn.forgetting"),
    ],
)
def test_layers_that_look_backwards_do_not_look_ahead_in_a_prefix(fields, part):
    with pytest.raises(
        ConfigError, match=f"^prefix_lm=True lets .*, but {part} of these layers was built to look back"
    ):
        TransformerWrapper(**AROUND, attn_layers=Decoder(**STACK, **fields), prefix_lm=True)
    TransformerWrapper(**AROUND, attn_layers=Decoder(**STACK, rotary_pos_emb=True), prefix_lm=True)
