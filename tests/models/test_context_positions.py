"""Rotary positions in cross attention: what is counted, what is given, and what is refused."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import XSeq2SeqConfig, XSeq2SeqForConditionalGeneration
from paddle_xformers.errors import InputError

from ..contracts.cases import build, extras, logits, tokens

TURNED = {"cross_attend": True, "rotary_pos_emb": True, "cross_attn_rotary_pos_emb": True}


def test_the_context_is_counted_by_its_mask():
    model, ids = build(TURNED), tokens(n=7)
    context = extras(model)["encoder_hidden_states"]
    plain = logits(model, ids)
    counted = paddle.arange(context.shape[1]).unsqueeze(0)
    np.testing.assert_allclose(logits(model, ids, encoder_position_ids=counted), plain, atol=1e-6)
    assert np.abs(logits(model, ids, encoder_position_ids=3 * counted) - plain).max() > 1e-3
    padded = paddle.concat([paddle.ones([2, 2, context.shape[2]]), context], axis=1)
    mask = paddle.to_tensor([[0, 0] + [1] * context.shape[1]] * 2)
    given = {"encoder_hidden_states": padded, "encoder_attention_mask": mask}
    np.testing.assert_allclose(logits(model, ids, **given), plain, atol=1e-5)


def test_only_the_distance_to_the_context_counts():
    model, ids = build({**TURNED, "position_embedding": "none"}), tokens(n=7)
    m = extras(model)["encoder_hidden_states"].shape[1]
    moved = {
        "position_ids": paddle.arange(7).unsqueeze(0) + 20,
        "encoder_position_ids": paddle.arange(m).unsqueeze(0) + 20,
    }
    np.testing.assert_allclose(logits(model, ids, **moved), logits(model, ids), atol=2e-5)


@pytest.mark.parametrize("use_cache", [True, False])
def test_generation_carries_the_positions(use_cache):
    model, ids = build(TURNED), tokens(n=4)
    given = extras(model)
    given["encoder_position_ids"] = 5 * paddle.arange(given["encoder_hidden_states"].shape[1]).unsqueeze(0).tile([2, 1])
    found, _ = model.generate(ids, max_new_tokens=5, use_cache=use_cache, decode_strategy="greedy_search", **given)
    whole = logits(model, paddle.concat([ids, found], axis=1), **given)
    np.testing.assert_array_equal(whole[:, 3:-1].argmax(-1), found.numpy())
    beams, _ = model.generate(ids, max_new_tokens=5, decode_strategy="beam_search", num_beams=3, **given)
    assert beams.shape[0] == 2


def test_a_sequence_to_sequence_model_counts_its_source():
    sides = {"num_tokens": 30, "depth": 1, "heads": 2, "attn_dim_head": 8, "max_seq_len": 16, "rotary_pos_emb": True}
    fields = {side + name: value for side in ("enc_", "dec_") for name, value in sides.items()}
    paddle.seed(4)
    model = XSeq2SeqForConditionalGeneration(XSeq2SeqConfig(dim=16, dec_cross_attn_rotary_pos_emb=True, **fields))
    model.eval()
    source, target = paddle.randint(5, 30, [1, 6]), paddle.randint(5, 30, [1, 4])
    alone = model(source, decoder_input_ids=target, return_dict=True).logits.numpy()
    padded = paddle.concat([paddle.zeros([1, 3], "int64"), source], axis=1)
    mask = paddle.to_tensor([[0] * 3 + [1] * 6])
    found = model(padded, attention_mask=mask, decoder_input_ids=target, return_dict=True).logits.numpy()
    np.testing.assert_allclose(found, alone, atol=1e-5)


@pytest.mark.parametrize(
    "fields, given, sentence",
    [
        ({"cross_attend": True}, [[0, 1, 2]], "cross_attn_rotary_pos_emb=False"),
        (TURNED, [[0, 1]], "one for each place"),
        (TURNED, [[0.0] * 3], "give integers"),
        (TURNED, [0, 1, 2], "give integers"),
    ],
)
def test_positions_that_do_not_fit_are_refused(fields, given, sentence):
    model = build(fields)
    with pytest.raises(InputError, match=sentence):
        logits(model, tokens(n=4), encoder_position_ids=paddle.to_tensor(given))
