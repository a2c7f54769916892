"""Where generate() takes its settings from, what it refuses, and what it prints."""

from __future__ import annotations

import logging

import numpy as np
import paddle
import pytest
from paddlenlp.generation import GenerationConfig, TextStreamer

from paddle_xformers import InputError, XByteTokenizer

from ..contracts.cases import build, tokens
from .small import load

EOS = 2


def generated(model, ids=None, **kwargs) -> np.ndarray:
    return model.generate(ids, **kwargs)[0].numpy()


class Collector:
    """The smallest streamer."""

    def __init__(self):
        self.tokens, self.ended = [], False

    def put(self, value):
        self.tokens.append(value.numpy())

    def end(self):
        self.ended = True


def test_a_streamer_gets_every_token_as_it_comes():
    model, ids, streamer = build({}, eos_token_id=None), tokens(1, 6), Collector()
    found = generated(model, ids, max_new_tokens=5, streamer=streamer)
    np.testing.assert_array_equal(np.concatenate(streamer.tokens, axis=1), found)
    assert len(streamer.tokens) == 5 and streamer.ended


def test_the_text_streamer_of_paddlenlp(capsys):
    tokenizer = XByteTokenizer()
    model = build({"num_tokens": len(tokenizer)}, eos_token_id=None)
    ids = paddle.to_tensor([tokenizer("ab c")["input_ids"]])
    found = generated(model, ids, max_new_tokens=6, streamer=TextStreamer(tokenizer))
    printed = capsys.readouterr().out.strip()
    assert printed == tokenizer.decode(found[0].tolist()).strip()


def test_a_generation_config():
    model, ids = build({}, eos_token_id=None), tokens(n=6)
    config = GenerationConfig(max_new_tokens=5, decode_strategy="beam_search", num_beams=3)
    before = config.to_dict()
    expected = generated(model, ids, max_new_tokens=5, decode_strategy="beam_search", num_beams=3)
    np.testing.assert_array_equal(generated(model, ids, generation_config=config), expected)
    assert generated(model, ids, generation_config=config, max_new_tokens=2).shape == (2, 2)
    assert config.to_dict() == before


def test_a_saved_generation_config_is_the_default_after_loading(tmp_path):
    model, ids = build({}, eos_token_id=None), tokens(n=6)
    model.generation_config = GenerationConfig(max_new_tokens=7, repetition_penalty=1.3)
    expected = generated(model, ids, max_new_tokens=7, repetition_penalty=1.3)
    np.testing.assert_array_equal(generated(model, ids), expected)
    model.save_pretrained(tmp_path)
    loaded = load(tmp_path)
    assert loaded.generation_config.max_new_tokens == 7
    np.testing.assert_array_equal(generated(loaded, ids), expected)
    assert generated(loaded, ids, max_new_tokens=2).shape == (2, 2)


def test_a_changed_generation_config_is_followed(tmp_path):
    model, ids = build({}, eos_token_id=None), tokens(n=6)
    model.generation_config.max_new_tokens = 3
    assert generated(model, ids).shape == (2, 3)
    model.save_pretrained(tmp_path)
    assert generated(load(tmp_path), ids).shape == (2, 3)


def test_settings_in_the_configuration_of_the_model(tmp_path):
    model, ids = build({}, eos_token_id=None, max_length=4), tokens(n=6)
    assert generated(model, ids).shape == (2, 4)
    model.save_pretrained(tmp_path)
    assert generated(load(tmp_path), ids).shape == (2, 4)


def test_padding_that_is_the_end_token():
    """As with GPT-2: the mask cannot be guessed, so the caller's mask must be followed."""
    model = build({"rotary_pos_emb": True}, pad_token_id=EOS)
    row = tokens(1, 4)
    padded = paddle.concat([paddle.full([1, 3], EOS, dtype="int64"), row], axis=1)
    mask = paddle.to_tensor([[0, 0, 0, 1, 1, 1, 1]])
    expected = generated(model, row, max_new_tokens=6)
    for cached in (True, False):
        found = generated(model, padded, attention_mask=mask, max_new_tokens=6, use_cache=cached)
        np.testing.assert_array_equal(found, expected)
    assert generated(model, padded, max_new_tokens=6).shape[0] == 1


def test_a_model_without_special_tokens():
    fields = {"eos_token_id": None, "pad_token_id": None, "bos_token_id": None}
    assert generated(build(fields), tokens(n=6), max_new_tokens=4).shape == (2, 4)


@pytest.mark.parametrize("fields", [{}, {"rotary_pos_emb": True}, {"num_memory_tokens": 3}], ids=str)
@pytest.mark.parametrize("strategy", [{}, {"decode_strategy": "beam_search", "num_beams": 2}], ids=["greedy", "beams"])
def test_up_to_the_longest_sequence(fields, strategy):
    model = build(fields, eos_token_id=None)
    assert generated(model, tokens(n=60), max_new_tokens=4, **strategy).shape == (2, 4)


@pytest.mark.parametrize("prompt, new, most", [(64, 1, 0), (60, 5, 4), (14, 51, 50), (65, 1, 0)])
def test_beyond_the_longest_sequence(prompt, new, most):
    with pytest.raises(InputError, match=f"{prompt} tokens.*max_new_tokens={new}.*max_seq_len=64.*at most {most}"):
        generated(build({}), tokens(n=prompt), max_new_tokens=new)


def test_no_limit_where_there_is_no_longest_sequence():
    model = build({"rotary_pos_emb": True, "max_seq_len": 0}, eos_token_id=None)
    assert generated(model, tokens(1, 10), max_new_tokens=80).shape == (1, 80)


@pytest.mark.parametrize(
    "ids, words",
    [
        (paddle.to_tensor([3, 4, 5]), r"\[3\].*\(batch, length\)"),
        (paddle.zeros([2, 0], dtype="int64"), r"\[2, 0\].*at least one token"),
        (paddle.ones([2, 3]), "float32.*int64"),
        (paddle.to_tensor([[3, 37]]), "the id 37.*0 to 36"),
        (paddle.to_tensor([[3, -1]]), "the id -1.*0 to 36"),
    ],
    ids=["flat", "empty", "floats", "too large", "negative"],
)
def test_bad_prompts_are_refused(ids, words):
    with pytest.raises(InputError, match=f"input_ids.*{words}"):
        build({}).generate(ids, max_new_tokens=2)


@pytest.mark.parametrize("count", [0, -3])
def test_nothing_to_generate_is_refused(count):
    with pytest.raises(InputError, match=f"max_new_tokens={count}"):
        build({}).generate(tokens(), max_new_tokens=count)


def test_given_embeddings_are_not_passed_over_in_silence():
    model = build({}, eos_token_id=None)
    embeds = model.get_input_embeddings()(tokens(n=6))
    try:
        found = generated(model, inputs_embeds=embeds, max_new_tokens=4)
    except InputError as error:
        assert "inputs_embeds" in str(error)
    else:
        np.testing.assert_array_equal(found, generated(model, tokens(n=6), max_new_tokens=4))


def test_misspelt_settings_are_refused():
    with pytest.raises((InputError, TypeError), match="max_new_token"):
        build({}).generate(tokens(), max_new_token=2)


def test_a_prompt_without_its_context_is_refused():
    with pytest.raises(InputError, match="encoder_hidden_states"):
        build({"cross_attend": True}).generate(tokens(), max_new_tokens=2)


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"max_new_tokens": 3},
        {"decode_strategy": "sampling", "top_p": 0.9, "temperature": 0.7, "max_new_tokens": 3},
        {"decode_strategy": "beam_search", "num_beams": 2, "max_new_tokens": 3},
    ],
    ids=["plain", "greedy", "sampling", "beams"],
)
@pytest.mark.parametrize("origin", ["built", "loaded"])
def test_nothing_is_printed(tmp_path, recwarn, capfd, caplog, origin, arguments):
    model = build({})
    if origin == "loaded":
        model.save_pretrained(tmp_path)
        model = load(tmp_path)
    capfd.readouterr()
    caplog.clear()
    recwarn.clear()
    model.generate(tokens(n=6), **arguments)
    assert capfd.readouterr() == ("", "")
    assert [record for record in caplog.records if record.levelno >= logging.INFO] == []
    assert not recwarn.list


def test_generation_changes_nothing_in_the_model():
    model = build({}, eos_token_id=None)
    before, config = model.generation_config.to_dict(), model.config.to_dict()
    model.train()
    generated(model, tokens(n=6), max_new_tokens=3, num_beams=2, decode_strategy="beam_search")
    assert model.training
    assert model.generation_config.to_dict() == before
    assert model.config.to_dict() == config
    assert all(parameter.grad is None for parameter in model.parameters())


def test_the_loops_of_paddlenlp_called_directly():
    """PaddleNLP's own test suite calls them so: int64 masks of four axes, lengths of prompt and new tokens."""
    model, ids = build({}), tokens(n=6)
    mask = paddle.ones([2, 1, 6, 6], dtype="int64")
    expected = generated(model, ids, attention_mask=mask, max_new_tokens=4)
    with paddle.no_grad():
        found = model.greedy_search(ids, None, max_length=10, pad_token_id=0, eos_token_id=EOS, attention_mask=mask)[0]
        sampled = model.sample(
            ids, None, max_length=10, pad_token_id=0, eos_token_id=EOS, attention_mask=mask, top_k=1
        )[0]
    np.testing.assert_array_equal(found.numpy(), expected)
    np.testing.assert_array_equal(sampled.numpy(), expected)
