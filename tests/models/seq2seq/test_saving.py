"""Saving and loading in every format, tied weights, and other sizes of the vocabularies."""

from __future__ import annotations

import json

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    CheckpointError,
    InputError,
    XDecoderModel,
    XSeq2Seq,
    XSeq2SeqConfig,
    XSeq2SeqForConditionalGeneration,
    XSeq2SeqModel,
)

from ..small import assert_same_weights
from .small import SMALL, build, run, source, target

TIED = {"tie_token_emb": True, "dec_tie_word_embeddings": True}
GIVEN = {"input_ids": source(), "decoder_input_ids": target()}
each_tie = pytest.mark.parametrize(
    "fields",
    [{}, {"tie_token_emb": True}, {"dec_tie_word_embeddings": True}, TIED],
    ids=["untied", "embeddings", "head", "all"],
)


def assert_tied(model: XSeq2Seq) -> None:
    """The weights that the configuration makes one are one, and no others."""
    tables = [part.get_input_embeddings().weight for part in (model.get_encoder(), model.get_decoder())]
    assert (tables[0] is tables[1]) == model.config.tie_token_emb
    assert (tables[1] is model.lm_head.weight) == model.config.dec_tie_word_embeddings
    expected = 3 - model.config.tie_token_emb - model.config.dec_tie_word_embeddings
    names = [name for name, _ in model.named_parameters() if name.endswith(("word_embeddings.weight", "head.weight"))]
    assert len(names) == expected


@each_tie
@pytest.mark.parametrize("how", [{}, {"safe_serialization": False}, {"max_shard_size": "100KB"}], ids=str)
def test_every_format(tmp_path, fields, how):
    model = build(fields)
    model.save_pretrained(tmp_path, **how)
    loaded = XSeq2Seq.from_pretrained(tmp_path)
    loaded.eval()
    assert type(loaded) is XSeq2SeqForConditionalGeneration
    assert loaded.config.values() == model.config.values()
    assert_same_weights(loaded, model)
    assert {name: getattr(loaded.config, name) for name in fields} == fields
    assert_tied(model)
    assert_tied(loaded)
    np.testing.assert_array_equal(run(loaded, **GIVEN), run(model, **GIVEN))


def test_the_file_is_flat(tmp_path):
    model = build({"enc_rel_pos_bias": True, "decoder_start_token_id": 5})
    model.save_pretrained(tmp_path)
    saved = json.loads((tmp_path / "config.json").read_text())
    assert saved["model_type"] == "xseq2seq" and saved["is_encoder_decoder"] is True
    assert saved["architectures"] == ["XSeq2SeqForConditionalGeneration"]
    assert (saved["enc_position_bias"], saved["dec_position_bias"]) == ("t5", "none")
    assert not [name for name, value in saved.items() if isinstance(value, dict) and name != "id2label"]
    config = XSeq2SeqConfig.from_pretrained(tmp_path, dec_attn_dropout=0.5, hidden_size=64)
    assert (config.dec_attn_dropout, config.dim, config.decoder_start_token_id) == (0.5, 64, 5)


@each_tie
def test_training_keeps_weights_tied(fields):
    model = build(fields)
    optimizer = paddle.optimizer.AdamW(learning_rate=1e-2, parameters=model.parameters())
    before = model.lm_head.weight.numpy()
    model(source(), labels=target())[0].backward()
    optimizer.step()
    assert_tied(model)
    assert np.abs(model.lm_head.weight.numpy() - before).max() > 1e-3


def test_the_base_and_the_whole_model_load_each_other(tmp_path):
    model = build(TIED)
    model.save_pretrained(tmp_path / "whole")
    base = XSeq2SeqModel.from_pretrained(tmp_path / "whole")
    assert_same_weights(base, model.xseq2seq)
    base.save_pretrained(tmp_path / "base")
    whole = XSeq2Seq.from_pretrained(tmp_path / "base")
    assert_same_weights(whole.xseq2seq, model.xseq2seq)
    assert_tied(whole)


def test_the_parts_are_models_of_their_own(tmp_path):
    model = build({"dec_rotary_pos_emb": True})
    model.get_decoder().save_pretrained(tmp_path)
    decoder = XDecoderModel.from_pretrained(tmp_path)
    assert decoder.config.cross_attend and decoder.config.rotary_pos_emb
    assert_same_weights(decoder, model.get_decoder())


def test_a_checkpoint_of_another_family_is_refused(tmp_path):
    build().save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match="'xseq2seq', but XDecoderModel loads 'xdecoder'"):
        XDecoderModel.from_pretrained(tmp_path)


@each_tie
@pytest.mark.parametrize("size", [47, 30])
def test_both_vocabularies_are_resized(tmp_path, fields, size):
    model = build(fields)
    before = {name: value.numpy() for name, value in model.state_dict().items()}
    returned = model.resize_token_embeddings(size)
    assert returned is model.get_input_embeddings()
    assert (model.config.enc_num_tokens, model.config.dec_num_tokens, model.config.vocab_size) == (size, size, size)
    assert_tied(model)
    kept = min(size, 37)
    for name, value in model.state_dict().items():
        rows = value.numpy()
        if rows.shape != before[name].shape:
            assert rows.shape[0] == size
            rows, before[name] = rows[:kept], before[name][:kept]
        np.testing.assert_array_equal(rows, before[name], err_msg=name)
    given = {"input_ids": source() % size, "decoder_input_ids": target() % size}
    logits = run(model, **given)
    assert logits.shape[-1] == size
    model.save_pretrained(tmp_path)
    loaded = XSeq2Seq.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(run(loaded, **given), logits)
    assert_tied(loaded)


def test_one_vocabulary_is_resized():
    model = build({"enc_num_tokens": 50})
    model.resize_token_embeddings(60, part="encoder")
    assert (model.config.enc_num_tokens, model.config.dec_num_tokens) == (60, 37)
    embedding = model.resize_token_embeddings(40, part="decoder")
    assert (model.config.enc_num_tokens, model.config.dec_num_tokens) == (60, 40)
    assert embedding is model.get_decoder().get_input_embeddings()
    assert run(model, input_ids=source() + 20, decoder_input_ids=target()).shape[-1] == 40
    again = model.resize_token_embeddings(None, part="encoder")
    assert again.weight.shape == [60, 32]


@pytest.mark.parametrize(
    ("fields", "arguments", "message"),
    [
        ({"enc_num_tokens": 50}, {}, "enc_num_tokens=50, dec_num_tokens=37.* cannot become 40; give part="),
        ({"tie_token_emb": True}, {"part": "encoder"}, "part='encoder' has no embedding of its own"),
        ({}, {"part": "both"}, "part='both' is not allowed; give 'encoder', 'decoder', or None"),
        ({}, {"new_num_tokens": 0}, "new_num_tokens=0 is not allowed"),
    ],
)
def test_what_cannot_be_resized_is_refused(fields, arguments, message):
    model = build(fields)
    with pytest.raises(InputError, match=message):
        model.resize_token_embeddings(**{"new_num_tokens": 40, **arguments})
    assert model.config.dec_num_tokens == SMALL["dec_num_tokens"]


def test_an_embedding_may_be_replaced():
    model = build(TIED)
    model.set_input_embeddings(paddle.nn.Embedding(37, 32))
    assert_tied(model)
