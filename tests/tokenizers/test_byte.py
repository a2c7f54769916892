"""XByteTokenizer: any bytes, exactly and fast."""

import time

import numpy as np
import paddle
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paddle_xformers.errors import CheckpointError, InputError
from paddle_xformers.tokenizers import XByteTokenizer

tokenizer = XByteTokenizer()


@settings(deadline=None, max_examples=300)
@given(data=st.binary(max_size=64))
def test_any_bytes_come_back(data):
    ids = tokenizer.encode_bytes(data)
    assert ids == [8 + byte for byte in data]
    assert tokenizer.encode_bytes_array(data).tolist() == ids
    for form in (
        ids,
        np.array(ids, dtype=np.int32),
        tokenizer.encode_bytes_array(data),
        paddle.to_tensor(ids, dtype="int64"),
    ):
        assert tokenizer.decode_bytes(form) == data


def test_ids_of_a_text_are_its_utf8_bytes():
    text = "aé<pad>\0🌍"
    expected = [8 + byte for byte in text.encode()]
    assert tokenizer(text, split_special_tokens=True)["input_ids"] == tokenizer.encode_bytes(text.encode()) == expected
    assert tokenizer.tokenize("A\n") == ["<0x41>", "<0x0A>"]
    assert tokenizer.vocab_size == len(tokenizer) == 264


@pytest.mark.parametrize("form", [bytes, bytearray, memoryview, lambda data: np.frombuffer(data, dtype=np.uint8)])
def test_forms_of_bytes(form):
    ids = tokenizer.encode_bytes_array(form(b"ab\xff"))
    assert ids.dtype == np.int64 and ids.tolist() == [105, 106, 263]


@pytest.mark.parametrize("data", ["text", 5, None, [1, 2], np.array([1, 2])])
def test_what_is_no_bytes_is_refused(data):
    with pytest.raises(InputError, match=r"data is an? .*(not bytes|of uint8)"):
        tokenizer.encode_bytes(data)


def test_ids_that_are_no_bytes_are_named_or_skipped():
    ids = [1, *tokenizer.encode_bytes(b"ab"), 2, 264, -100]
    with pytest.raises(InputError, match=r"ids\[0\] is 1, which is no byte \(bytes are 8\.\.263\)"):
        tokenizer.decode_bytes(ids)
    assert tokenizer.decode_bytes(ids, skip_special_tokens=True) == b"ab"


@pytest.mark.parametrize("ids", [[[9]], [9.0], 9, ["a"]])
def test_ids_must_be_one_row_of_integers(ids):
    with pytest.raises(InputError, match="one row of integers"):
        tokenizer.decode_bytes(ids)


def test_megabytes_take_milliseconds():
    data = np.random.default_rng(0).integers(0, 256, 8_000_000, dtype=np.uint8).tobytes()
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        ids = tokenizer.encode_bytes_array(data)
        seconds.append(time.perf_counter() - start)
    assert tokenizer.decode_bytes(ids) == data
    assert min(seconds) < 0.2  # measured 0.014; a loop over the bytes takes more than 0.5


def test_other_tokenizers_are_not_loaded_as_bytes(subword, tmp_path):
    subword.save_pretrained(tmp_path)
    with pytest.raises(CheckpointError, match=r"holds the tokenizer XTokenizer, not XByteTokenizer: load it with XTok"):
        XByteTokenizer.from_pretrained(tmp_path)


def test_special_tokens_can_be_named_at_construction():
    named = XByteTokenizer(eos_token="</s>", mask_token=None, pad_token="<eos>")
    assert (named.pad_token_id, named.eos_token_id, named.mask_token_id, len(named)) == (2, 264, None, 265)
    assert named("a</s>")["input_ids"] == [105, 264]
