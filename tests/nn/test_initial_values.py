"""What parameters start from."""

from __future__ import annotations

import numpy as np
import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM

SIZE = {"num_tokens": 300, "dim": 128, "depth": 1, "heads": 4, "attn_dim_head": 32}


def parameters(**values):
    model = XDecoderForCausalLM(XDecoderConfig(**SIZE, **values))
    return {name: p.numpy() for name, p in model.named_parameters()}


def test_linears_start_uniform_and_embeddings_normal():
    found = parameters()
    bound = 128**-0.5
    for name in ("stack.layers.0.attn.q_proj.weight", "stack.layers.1.ff.up_proj.weight"):
        weight = found["xdecoder." + name]
        assert np.abs(weight).max() <= bound
        assert weight.std() == pytest.approx(bound / 3**0.5, rel=0.03)
    assert found["xdecoder.embeddings.word_embeddings.weight"].std() == pytest.approx((2 / 128) ** 0.5, rel=0.03)
    assert found["xdecoder.embeddings.position_embeddings.weight"].std() == pytest.approx(1, rel=0.03)
    assert np.abs(found["xdecoder.stack.layers.1.ff.up_proj.bias"]).max() > 0


def test_initializer_range_redraws_linears_and_embeddings():
    found = parameters(initializer_range=0.02, ff_zero_init_output=True)
    for name, value in found.items():
        if name.endswith("down_proj.weight"):
            assert not value.any()
        elif value.ndim == 2:
            assert value.std() == pytest.approx(0.02, rel=0.05), name


@pytest.mark.parametrize("field", ["attn_zero_init_output", "ff_zero_init_output", "zero_init_branch_output"])
def test_zero_init_makes_the_branch_start_as_nothing(field):
    found = parameters(**{field: True})
    last = [("attn.o_proj", "attn"), ("ff.down_proj", "ff")]
    for projection, kind in last:
        weights = [v for name, v in found.items() if projection in name and name.endswith("weight")]
        zero = field.startswith(kind) or field == "zero_init_branch_output"
        assert all((not w.any()) == zero for w in weights)


def test_cross_attention_has_a_switch_of_its_own():
    found = parameters(cross_attend=True, cross_attn_zero_init_output=True)
    assert not found["xdecoder.stack.layers.1.cross_attn.o_proj.weight"].any()
    assert found["xdecoder.stack.layers.0.attn.o_proj.weight"].any()
