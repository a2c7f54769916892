"""Arguments of a forward that fit neither the model nor each other."""

from __future__ import annotations

import paddle
import pytest

from paddle_xformers import InputError

from .small import build, source, target

STATES = paddle.ones([2, 9, 32])
VECTORS = paddle.ones([2, 4, 32])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"decoder_input_ids": target()}, "there is no source: give input_ids, inputs_embeds or encoder_output"),
        ({"input_ids": source()}, "give either input_ids or inputs_embeds"),
        (
            {"input_ids": source(), "encoder_output": STATES, "decoder_input_ids": target()},
            "input_ids has no effect beside encoder_output",
        ),
        (
            {"encoder_prepend_embeds": VECTORS, "encoder_output": STATES, "decoder_input_ids": target()},
            "encoder_prepend_embeds has no effect beside encoder_output",
        ),
        (
            {"encoder_output": STATES[:1], "decoder_input_ids": target()},
            r"encoder_hidden_states has shape \[1, 9, 32\]",
        ),
        (
            {"input_ids": source(), "attention_mask": paddle.ones([2, 8], "int64"), "decoder_input_ids": target()},
            "attention_mask covers 8 tokens, but there are 9",
        ),
        (
            {"encoder_output": STATES, "attention_mask": paddle.ones([2, 8], "int64"), "decoder_input_ids": target()},
            "encoder_attention_mask covers 8 places, but encoder_hidden_states has 9",
        ),
        (
            {"input_ids": source(), "inputs_embeds": STATES, "decoder_input_ids": target()},
            "give either input_ids or inputs_embeds, one and not both",
        ),
        (
            {"input_ids": source(), "encoder_prepend_embeds": VECTORS[:, :, :20], "decoder_input_ids": target()},
            r"encoder_prepend_embeds has shape \[2, 4, 20\].*length, 32\)",
        ),
        (
            {"input_ids": source(), "encoder_prepend_mask": VECTORS[:, :, 0], "decoder_input_ids": target()},
            "encoder_prepend_mask has no effect without encoder_prepend_embeds",
        ),
        (
            {
                "input_ids": source(),
                "encoder_prepend_embeds": VECTORS,
                "encoder_prepend_mask": paddle.ones([2, 5], "int64"),
                "decoder_input_ids": target(),
            },
            r"encoder_prepend_mask has shape \[2, 5\].*give int or bool, \[2, 4\]",
        ),
        (
            {
                "input_ids": source(),
                "encoder_prepend_embeds": VECTORS,
                "attention_mask": paddle.ones([2, 9, 9], "int64"),
                "decoder_input_ids": target(),
            },
            r"beside encoder_prepend_embeds it must tell padding alone; give \(batch, tokens\)",
        ),
        ({"input_ids": source(2, 65), "decoder_input_ids": target()}, "65 tokens .* are more than max_seq_len=64"),
        (
            {"input_ids": source(), "decoder_input_ids": target(), "labels": target(2, 5)},
            r"labels has shape \[2, 5\], but must have that of the tokens, \[2, 7\]",
        ),
    ],
)
def test_what_does_not_fit_is_refused(given, message):
    with pytest.raises(InputError, match=message):
        build()(**given)


def test_a_cache_of_another_source_or_model():
    model = build()
    output = model(source(), decoder_input_ids=target(), use_cache=True, return_dict=True)
    past, new = output.past_key_values, target(2, 1)
    with pytest.raises(InputError, match="attention_mask covers 8 places, but the source in past_key_values has 9"):
        model(attention_mask=paddle.ones([2, 8], "int64"), decoder_input_ids=new, past_key_values=past)
    with pytest.raises(InputError, match="past_key_values"):
        build({"dec_depth": 1})(decoder_input_ids=new, past_key_values=past)
    with pytest.raises(InputError, match="past_key_values has 2 rows, but there are 1 rows of tokens"):
        model(decoder_input_ids=new[:1], past_key_values=past)
