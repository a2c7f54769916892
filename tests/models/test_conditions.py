"""Conditions: what adaptive norms and scales read, in every family, with the cache, and in generation."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    Decoder,
    Encoder,
    InputError,
    TransformerWrapper,
    XCaptionConfig,
    XCaptionForConditionalGeneration,
    XContinuousConfig,
    XContinuousForRegression,
    XEncoderConfig,
    XEncoderForMultipleChoice,
    XSeq2SeqConfig,
    XSeq2SeqForConditionalGeneration,
)

from ..contracts.cases import SMALL, build, logits, tokens
from ..contracts.subjects.subject import drawn, redraw_parameters
from ..contracts.subjects.xcaption import SMALL as CAPTION
from ..contracts.subjects.xseq2seq import SMALL as SEQ2SEQ

ADAPTIVE = {"norm": "adaptive_layernorm", "use_adaptive_layerscale": True, "dim_condition": 6}
AROUND: dict[str, dict[str, Any]] = {
    "": {},
    "memory": {"num_memory_tokens": 3, "attn_num_mem_kv": 2},
    "memory between": {"num_memory_tokens": 2, "memory_tokens_interspersed_every": 3, "rotary_pos_emb": True},
    "streams": {"num_residual_streams": 2, "norm_placement": "post", "adaptive_condition_mlp": True},
    "shift": {"shift_tokens": 2, "norm_placement": "sandwich", "norm": "adaptive_rmsnorm", "rotary_pos_emb": True},
    "cross": {"cross_attend": True, "norm_placement": "attn_branch"},
}


def adaptive(**fields: Any) -> Any:
    return build({**ADAPTIVE, **fields})


def drawn_anew(model: Any) -> Any:
    redraw_parameters(model)
    model.eval()
    return model


@pytest.mark.parametrize("around", AROUND)
def test_one_condition_is_one_for_each_token(around):
    model, ids = adaptive(**AROUND[around]), tokens()
    one = drawn(1, 2, 6)
    whole = logits(model, ids, condition=one)
    if "memory" not in around:  # memory tokens have the condition 0 beside one for each token
        each = one.unsqueeze(1).expand([-1, 14, -1])
        np.testing.assert_allclose(logits(model, ids, condition=each), whole, atol=1e-5)
    assert np.abs(logits(model, ids, condition=one * 2) - whole).max() > 1e-3


@pytest.mark.parametrize("around", AROUND)
def test_conditions_of_tokens_go_with_the_cache_and_with_padding(around):
    model, ids, condition = adaptive(**AROUND[around]), tokens(), drawn(1, 2, 14, 6)
    whole = logits(model, ids, condition=condition)
    changed = condition.clone()
    changed[:, 9:] = 0
    other = logits(model, ids, condition=changed)
    np.testing.assert_allclose(other[:, :9], whole[:, :9], atol=1e-5)
    assert np.abs(other[:, 9:] - whole[:, 9:]).max() > 1e-3
    parts, cache = [], None
    for start, stop in ((0, 6), (6, 7), (7, 14)):
        more = {"encoder_hidden_states": drawn(5, 2, 6, 32)} if model.config.cross_attend else {}
        given = {"condition": condition[:, start:stop], **more}
        step = model(ids[:, start:stop], past_key_values=cache, use_cache=True, return_dict=True, **given)
        parts.append(step.logits.numpy())
        cache = step.past_key_values
    np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-4)
    mask = paddle.ones([2, 14], dtype="int64")
    mask[0, :4] = 0
    padded = logits(model, ids, condition=condition, attention_mask=mask)[0, 4:]
    alone = logits(model, ids[:1, 4:], condition=condition[:1, 4:])[0]
    if not model.config.cross_attend:
        np.testing.assert_allclose(padded, alone, atol=1e-5)


@pytest.mark.parametrize("shape", [[2, 6], [2, 12, 6]])
def test_generation_gives_the_same_with_a_cache_and_without(shape):
    model, ids = adaptive(num_memory_tokens=2), tokens(n=7)
    given = {"condition": drawn(1, *shape), "max_new_tokens": 5}
    for strategy in (
        {"decode_strategy": "greedy_search"},
        {"decode_strategy": "beam_search", "num_beams": 3, "num_return_sequences": 2},
    ):
        found = [model.generate(ids, use_cache=cached, **given, **strategy)[0].numpy() for cached in (True, False)]
        np.testing.assert_array_equal(*found)
    with pytest.raises(InputError, match="covers 11 tokens"):
        model.generate(ids, condition=drawn(1, 2, 11, 6), max_new_tokens=5)


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({}, "condition is missing"),
        ({"condition": [2, 5]}, r"shape \[2, 5\].*dim_condition=6"),
        ({"condition": [1, 6]}, r"shape \[1, 6\]"),
        ({"condition": [2, 9, 6]}, r"shape \[2, 9, 6\].*\(2, 14, 6\)"),
    ],
)
def test_a_condition_that_does_not_fit_is_refused(given, sentence):
    with pytest.raises(InputError, match=sentence):
        adaptive()(tokens(), **{name: drawn(1, *shape) for name, shape in given.items()})


def test_a_condition_that_nothing_reads_is_refused():
    with pytest.raises(InputError, match="condition has no effect"):
        build({})(tokens(), condition=drawn(1, 2, 32))
    with pytest.raises(InputError, match="condition has no effect"):
        XSeq2SeqForConditionalGeneration(XSeq2SeqConfig(**SEQ2SEQ))(
            tokens(), decoder_input_ids=tokens(), condition=drawn(1, 2, 32)
        )


def test_conditions_of_tokens_do_not_go_with_mems():
    model = adaptive(max_mem_len=8)
    one = drawn(1, 2, 6)
    mems = model(tokens(), condition=one, return_mems=True, return_dict=True).mems
    assert np.isfinite(logits(model, tokens(), condition=one, mems=mems)).all()
    with pytest.raises(InputError, match="tokens in mems are not known"):
        model(tokens(), condition=drawn(1, 2, 14, 6), mems=mems)


@pytest.mark.parametrize(
    "fields",
    [
        {"enc_norm": "adaptive_layernorm"},
        {"dec_norm": "adaptive_rmsnorm"},
        {"enc_use_adaptive_layerscale": True, "dec_norm": "adaptive_rmsnorm"},
    ],
    ids=str,
)
def test_an_encoder_decoder_gives_the_condition_to_the_parts_that_read_it(fields):
    models = (
        (XSeq2SeqForConditionalGeneration(XSeq2SeqConfig(**SEQ2SEQ, **fields)), {"input_ids": tokens(n=6)}),
        (
            XCaptionForConditionalGeneration(XCaptionConfig(**CAPTION, **fields)),
            {"pixel_values": drawn(3, 2, 3, 8, 8)},
        ),
    )
    for model, source in models:
        drawn_anew(model)
        one = drawn(1, 2, 32)
        found = [
            model(**source, decoder_input_ids=tokens(), condition=c, return_dict=True).logits.numpy()
            for c in (one, one * 2)
        ]
        assert np.abs(found[0] - found[1]).max() > 1e-3
        made = [
            model.generate(
                **source, condition=one, max_new_tokens=4, use_cache=cached, decode_strategy="beam_search", num_beams=2
            )[0].numpy()
            for cached in (True, False)
        ]
        np.testing.assert_array_equal(*made)
        with pytest.raises(InputError, match="condition is missing"):
            model(**source, decoder_input_ids=tokens())


def test_all_choices_of_a_row_have_its_condition():
    model = drawn_anew(XEncoderForMultipleChoice(XEncoderConfig(**SMALL, **ADAPTIVE)))
    ids, condition = tokens(6, 8).reshape([2, 3, 8]), drawn(1, 2, 6)
    whole = model(ids, condition=condition).numpy()
    np.testing.assert_allclose(model(ids[1:], condition=condition[1:]).numpy()[0], whole[1], atol=1e-5)


def test_vectors_are_continued_under_a_condition():
    sizes = {name: SMALL[name] for name in ("dim", "depth", "heads", "attn_dim_head", "max_seq_len")}
    model = drawn_anew(
        XContinuousForRegression(XContinuousConfig(**sizes, **ADAPTIVE, causal=True, dim_in=5, dim_out=5))
    )
    for condition in (drawn(1, 2, 6), drawn(1, 2, 8, 6)):
        made = [
            model.generate(drawn(2, 2, 4, 5), 4, condition=condition, use_cache=cached).numpy()
            for cached in (True, False)
        ]
        np.testing.assert_allclose(*made, atol=1e-5)


@pytest.mark.parametrize("layers", [Encoder, Decoder])
def test_the_keyword_style_takes_a_condition(layers):
    stack = layers(dim=32, depth=1, heads=4, use_adaptive_rmsnorm=True, dim_condition=6)
    model = TransformerWrapper(num_tokens=37, max_seq_len=20, attn_layers=stack)
    redraw_parameters(model)
    model.eval()
    one = drawn(1, 2, 6)
    assert np.abs((model(tokens(), condition=one) - model(tokens(), condition=-one)).numpy()).max() > 1e-3
    assert list(stack(drawn(2, 2, 5, 32), condition=one).shape) == [2, 5, 32]
