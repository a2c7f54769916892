"""The configuration class as PaddleNLP uses it; the mechanism behind it is tested in tests/config/test_parts.py."""

from __future__ import annotations

import json

import pytest

from paddle_xformers import ConfigError, XDecoderConfig, XEncoderConfig, XSeq2SeqConfig, XSeq2SeqModel
from paddle_xformers.config import SEQ2SEQ

from .small import SMALL, build


def test_the_keywords_of_xtransformer():
    config = XSeq2SeqConfig(
        dim=32,
        enc_num_tokens=256,
        enc_depth=6,
        enc_heads=8,
        enc_max_seq_len=1024,
        dec_num_tokens=256,
        dec_depth=6,
        dec_heads=8,
        dec_max_seq_len=1024,
        tie_token_emb=True,
        pad_value=3,
        ignore_index=-1,
        dec_cross_attend=True,
    )
    config.validate()
    assert (config.pad_token_id, config.ignore_index, config.tie_token_emb) == (3, -1, True)
    assert config.is_encoder_decoder


def test_paddlenlps_names_mean_the_decoder():
    config = XSeq2SeqConfig(**{**SMALL, "dec_depth": 3, "dec_num_tokens": 41, "dec_heads": 2})
    names = ("hidden_size", "num_hidden_layers", "num_attention_heads", "vocab_size", "max_position_embeddings")
    assert [getattr(config, name) for name in names] == [32, 3, 2, 41, 64]
    assert (config.encoder_layers, config.decoder_layers, config.encoder_attention_heads) == (2, 3, 4)
    for name, own in XSeq2SeqConfig.attribute_map.items():
        if own in SEQ2SEQ.fields():
            assert getattr(config, name) == getattr(config, own)
    config.num_hidden_layers = 5
    assert config.dec_depth == 5 and config.enc_depth == 2
    assert XSeq2SeqConfig(tie_word_embeddings=True).dec_tie_word_embeddings is True


def test_two_names_that_contradict_each_other():
    with pytest.raises(ConfigError, match="dec_depth=3 and decoder_layers=4 contradict each other: both set dec_depth"):
        XSeq2SeqConfig(dec_depth=3, decoder_layers=4)


def test_json_gives_the_same_configuration():
    config = XSeq2SeqConfig(**SMALL, enc_layer_dropout=(0.0, 0.5, 0.5, 0.0), dec_custom_layers=("a", "c", "f"))
    again = XSeq2SeqConfig.from_dict(json.loads(config.to_json_string()))
    assert again.values() == config.values()
    assert again.to_dict() == config.to_dict()


def test_defaults_and_sizes_of_zero_can_be_made():
    assert XSeq2SeqConfig().values() == {name: info.default for name, info in SEQ2SEQ.fields().items()}
    XSeq2SeqConfig(hidden_size=0, vocab_size=0)


def test_foreign_keys_are_kept():
    assert XSeq2SeqConfig(tf_legacy_loss=True).tf_legacy_loss is True


def test_the_parts_are_configurations_of_their_own():
    config = XSeq2SeqConfig(**SMALL, enc_num_memory_tokens=2, dec_use_rmsnorm=True, initializer_range=0.1)
    encoder, decoder = config.encoder_config(), config.decoder_config()
    assert type(encoder) is XEncoderConfig and type(decoder) is XDecoderConfig
    assert (encoder.dim, encoder.num_memory_tokens, encoder.cross_attend, encoder.norm) == (32, 2, False, "layernorm")
    assert (decoder.dim, decoder.num_memory_tokens, decoder.cross_attend, decoder.norm) == (32, 0, True, "rmsnorm")
    assert encoder.initializer_range == decoder.initializer_range == 0.1
    with pytest.raises(TypeError, match="no stack of its own"):
        config.stack_options()


def test_a_model_is_built_from_what_can_be_built_only():
    with pytest.raises(ConfigError, match="^dec_heads=3 is not a multiple of dec_attn_kv_heads=2"):
        XSeq2SeqModel(XSeq2SeqConfig(**{**SMALL, "dec_heads": 3}, dec_attn_kv_heads=2))
    with pytest.raises(ConfigError, match="^tie_token_emb=True needs one vocabulary"):
        build({"tie_token_emb": True, "enc_num_tokens": 50})


def test_initial_values_reach_every_part():
    import numpy as np

    model = build({"initializer_range": 0.5, "dim": 64}, redraw=False)
    tables = (
        model.get_encoder().get_input_embeddings().weight,
        model.get_decoder().get_input_embeddings().weight,
        model.lm_head.weight,
        model.get_decoder().stack.layers[1].cross_attn.q_proj.weight,
    )
    for table in tables:
        assert np.std(table.numpy()) == pytest.approx(0.5, rel=0.1)
