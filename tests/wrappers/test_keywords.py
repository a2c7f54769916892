"""Keywords go to the layers or around them; others are refused with the one that may be meant."""

from __future__ import annotations

import re

import pytest

from paddle_xformers import ConfigError, CrossAttender, Decoder, Encoder, TransformerWrapper
from paddle_xformers.config import SPELLINGS, schema
from paddle_xformers.wrappers.keywords import STACK_KEYWORDS, keywords_around_stack

from .small import AROUND, STACK, language_model

AROUND_KEYWORDS = keywords_around_stack(schema())


def test_every_field_and_every_spelling_has_one_place():
    both = {"disable_abs_pos_emb"}  # x-transformers gives it to the layers
    assert STACK_KEYWORDS & AROUND_KEYWORDS == both
    spelt = {spelling.keyword for spelling in SPELLINGS if set(spelling.fields) <= set(schema())}
    assert {*schema(), *spelt, "ff_dim_out"} == STACK_KEYWORDS | AROUND_KEYWORDS


@pytest.mark.parametrize(
    "name", ["attn_kv_heads", "ff_glu", "cross_attn_kv_heads", "use_rmsnorm", "dim", "rotary_base"]
)
def test_keywords_of_the_layers(name):
    assert name in STACK_KEYWORDS


@pytest.mark.parametrize(
    "name", ["num_tokens", "emb_dim", "tie_embedding", "max_mem_len", "use_pos_emb", "max_seq_len"]
)
def test_keywords_around_the_layers(name):
    assert name in AROUND_KEYWORDS


@pytest.mark.parametrize(
    "layers, keywords, sentence",
    [
        (Decoder, {"attn_hed_scale": True}, "Decoder has no keyword 'attn_hed_scale'; did you mean 'attn_head_scale'"),
        (Encoder, {"zzzz": None}, "Encoder has no keyword 'zzzz'; docs/keyword-style.md lists what it takes"),
        (Encoder, {"causal": True}, "Encoder does not take causal=True: the class says it already"),
        (CrossAttender, {"only_cross": False}, "CrossAttender does not take only_cross=False: the class says it"),
        (Decoder, {"num_tokens": 5}, "Decoder does not take num_tokens=5: it is about what stands around the layers"),
        (Decoder, {"depth": None}, "Decoder got no depth; give the number of blocks"),
        (Decoder, {"heads": 3, "attn_kv_heads": 2}, "heads=3 is not a multiple of attn_kv_heads=2"),
        (Decoder, {"alibi_pos_bias": True, "rel_pos_bias": True}, "alibi_pos_bias=True and rel_pos_bias=True exclude"),
    ],
)
def test_layers_refuse(layers, keywords, sentence):
    with pytest.raises(ConfigError, match=re.escape(sentence)):
        layers(**{**STACK, **keywords})


@pytest.mark.parametrize(
    "keywords, sentence",
    [
        ({"heads": 3}, "TransformerWrapper does not take heads=3: it is about the layers"),
        ({"emb_drop": 0.1}, "TransformerWrapper has no keyword 'emb_drop'; did you mean 'emb_dropout'"),
        ({"to_logits": 7}, "TransformerWrapper has no keyword 'to_logits'"),
        ({"emb_dropout": 2}, "emb_dropout=2 is too large"),
        (
            {"attn_layers": 5},
            "attn_layers of TransformerWrapper is a int; give an Encoder(...), a Decoder(...) or a PrefixDecoder(...)",
        ),
    ],
)
def test_the_wrapper_refuses(keywords, sentence):
    with pytest.raises((ConfigError, TypeError), match=re.escape(sentence)):
        TransformerWrapper(**{**AROUND, "attn_layers": Decoder(**STACK), **keywords})


def test_none_means_leaving_a_keyword_out():
    model = language_model(
        around={"num_memory_tokens": None, "emb_dim": None}, sandwich_coef=None, alibi_num_heads=None
    )
    assert model.config.num_memory_tokens == 0


def test_custom_layers_need_no_depth():
    model = Decoder(dim=32, heads=4, custom_layers=("a", "f", "f"))
    assert len(model.stack.layers) == 3


@pytest.mark.parametrize(
    "stack, around, learned",
    [
        ({}, {}, True),
        ({}, {"use_abs_pos_emb": False}, False),
        ({}, {"use_pos_emb": False}, False),
        ({"rotary_pos_emb": True}, {}, False),
        ({"rotary_pos_emb": True, "disable_abs_pos_emb": False}, {}, True),
        ({"disable_abs_pos_emb": True}, {}, False),
        ({"rel_pos_bias": True}, {}, False),
        ({"alibi_pos_bias": True}, {}, True),
    ],
)
def test_learned_positions_as_in_x_transformers(stack, around, learned):
    model = language_model(around=around, **stack)
    assert (model.model.base_model.embeddings.position_embeddings is not None) == learned
