"""What the log says of a configuration, and that it is silent unless asked."""

from __future__ import annotations

import logging

import pytest

from paddle_xformers import (
    Decoder,
    XDecoderConfig,
    XDecoderForCausalLM,
    XSeq2SeqConfig,
    XSeq2SeqForConditionalGeneration,
)

SMALL = {"num_tokens": 30, "dim": 16, "depth": 1, "heads": 2, "attn_dim_head": 8}
ROTARY = {"rotary_pos_emb": True}


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        (ROTARY, []),
        ({"verbose": True}, []),
        ({**ROTARY, "verbose": True}, ["turn only 4 features"]),
        ({**ROTARY, "verbose": True, "rotary_emb_dim": 8}, ["turn only 8 features"]),
        ({**ROTARY, "verbose": True, "attn_dim_head": 64}, []),
    ],
)
def test_what_is_said(fields, said, caplog):
    with caplog.at_level(logging.INFO, logger="paddle_xformers"):
        XDecoderForCausalLM(XDecoderConfig(**{**SMALL, **fields}))
    assert len(caplog.records) == len(said)
    assert all(part in record.getMessage() for part, record in zip(said, caplog.records, strict=True))


def test_each_part_and_layers_alone_say_it(caplog):
    part = {name: value for name, value in SMALL.items() if name != "dim"} | ROTARY | {"max_seq_len": 8}
    fields = {side + name: value for side in ("enc_", "dec_") for name, value in part.items()}
    XSeq2SeqForConditionalGeneration(XSeq2SeqConfig(dim=16, dec_verbose=True, **fields))
    assert len(caplog.records) == 1
    Decoder(dim=16, depth=1, heads=2, attn_dim_head=8, rotary_pos_emb=True, verbose=True)
    assert len(caplog.records) == 2
