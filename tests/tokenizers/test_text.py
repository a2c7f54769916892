"""Text to ids and back, for both tokenizers: nothing is lost."""

import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paddlenlp.transformers.tokenizer_utils import AddedToken

import paddle_xformers.tokenizers
from paddle_xformers.errors import InputError
from paddle_xformers.tokenizers.layout import BYTE_PIECES, SPECIAL_PIECES

HARD = [
    "<pad>",
    "<eos>",
    "<0x41>",
    "<reserved>",
    "\u2581",
    "\u2585",
    "\ufffd",
    "\0",
    "\r\n",
    "\t",
    "   ",
    " .",
    "e\u0301",
]
texts = st.lists(st.one_of(st.sampled_from(HARD), st.text(max_size=8)), max_size=8).map("".join)


def ids_of(tokenizer, text, **options):
    return tokenizer(text, **options)["input_ids"]


@settings(deadline=None, max_examples=300)
@given(text=texts, literal=st.booleans())
def test_every_text_comes_back(pristine, text, literal):
    ids = ids_of(pristine, text, split_special_tokens=literal)
    assert pristine.decode(ids) == text
    assert pristine.decode(np.array(ids, dtype=np.int64)) == text
    assert pristine.batch_decode([ids, ids]) == [text, text]
    assert pristine.convert_tokens_to_string(pristine.tokenize(text, split_special_tokens=literal)) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "  two  spaces  ",
        "a\n\n\tb\n",
        "你好，世界",
        "👩‍👩‍👧🏽 🇨🇳",
        "e\u0301 ﬁ ①",
        "nul\0",
        "A . B ? it 's n't",
    ],
)
def test_texts_that_other_tokenizers_change(pristine, text):
    assert pristine.decode(ids_of(pristine, text)) == text


def test_spaces_around_special_and_added_tokens_stay(tokenizer):
    tokenizer.add_tokens(["foo", "foobar"])
    text = "  <mask>  foo \n<sep> foobar  "
    tokens = tokenizer.tokenize(text)
    assert [token for token in tokens if token in {"<mask>", "foo", "<sep>", "foobar"}] == [
        "<mask>",
        "foo",
        "<sep>",
        "foobar",
    ]
    assert tokenizer.decode(ids_of(tokenizer, text)) == text


def test_special_texts_are_special_tokens_unless_split(tokenizer):
    assert ids_of(tokenizer, "<pad><bos><eos><unk><mask><cls><sep>") == [0, 1, 2, 3, 4, 5, 6]
    literal = ids_of(tokenizer, "<pad>", split_special_tokens=True)
    assert 0 not in literal and tokenizer.decode(literal, skip_special_tokens=True) == "<pad>"
    tokenizer.split_special_tokens = True
    assert ids_of(tokenizer, "<pad>") == literal
    assert 7 not in ids_of(tokenizer, "<reserved>")


def test_both_vocabularies_begin_alike(pristine):
    assert pristine.convert_ids_to_tokens(range(264)) == [*SPECIAL_PIECES, *BYTE_PIECES]
    names = ("pad", "bos", "eos", "unk", "mask", "cls", "sep")
    assert [getattr(pristine, f"{name}_token_id") for name in names] == list(range(7))


def test_vocabulary_and_conversions_agree(tokenizer):
    tokenizer.add_tokens(["new"])
    vocabulary = tokenizer.get_vocab()
    assert len(vocabulary) == len(tokenizer) == tokenizer.vocab_size + 1
    assert sorted(vocabulary.values()) == list(range(len(tokenizer)))
    for token, index in vocabulary.items():
        assert tokenizer.convert_tokens_to_ids(token) == index
        assert tokenizer.convert_ids_to_tokens(index) == token
    assert tokenizer.convert_tokens_to_ids("not a token") == tokenizer.unk_token_id


def test_ids_outside_the_vocabulary_are_unknown(pristine):
    plain = ids_of(pristine, "ok")
    strange = [-100, len(pristine), 10**6]
    assert pristine.convert_ids_to_tokens(strange) == ["<unk>"] * 3
    assert pristine.decode([*plain, *strange]) == "ok<unk><unk><unk>"
    assert pristine.decode([1, *plain, *strange, 2, 0], skip_special_tokens=True) == "ok"


def test_decode_takes_one_id_a_tensor_and_options(tokenizer):
    import paddle

    ids = ids_of(tokenizer, "a .<sep>b")
    assert tokenizer.decode(paddle.to_tensor(ids)) == "a .<sep>b"
    assert tokenizer.decode(ids[0]) == "a"
    assert tokenizer.decode(ids, spaces_between_special_tokens=True) == "a . <sep> b"
    assert tokenizer.decode(ids, clean_up_tokenization_spaces=True) == "a.<sep>b"
    tokenizer.clean_up_tokenization_spaces = True
    assert tokenizer.decode(ids) == "a.<sep>b"


def test_bytes_that_are_no_text_become_replacement_characters(pristine):
    assert pristine.decode(pristine.convert_tokens_to_ids(["<0x61>", "<0xFF>", "<0x62>"])) == "a\ufffdb"


def test_streaming_decoding_waits_for_whole_characters(pristine):
    ids, text, start, read = ids_of(pristine, "a🌍é"), "", 0, 0
    for end in range(1, len(ids) + 1):
        new, start, read = pristine.decode_token(ids[:end], start, read)
        assert "\ufffd" not in new
        text += new
    assert text == "a🌍é"


@pytest.mark.parametrize("text", ["half a pair \ud83d", "\udcff"])
def test_lone_surrogates_are_refused(pristine, text):
    with pytest.raises(InputError, match=r"lone surrogate '\\ud.*position \d+"):
        pristine(text)


def test_bytes_are_no_text(pristine):
    with pytest.raises(InputError, match="text is a bytes, not a str"):
        pristine.tokenize(b"abc")


@pytest.mark.parametrize("flag", ["lstrip", "rstrip", "single_word"])
def test_tokens_that_would_eat_text_are_refused(tokenizer, flag):
    with pytest.raises(InputError, match=f"'<eat>' asks for {flag}=True"):
        tokenizer.add_tokens([AddedToken("<eat>", **{flag: True})])
    assert tokenizer.add_tokens([AddedToken("<fine>")]) == 1


def test_special_tokens_can_be_renamed_and_unset(tokenizer):
    size = len(tokenizer)
    tokenizer.add_special_tokens({"eos_token": "</s>", "unk_token": "[UNK]"})
    assert (tokenizer.eos_token_id, tokenizer.unk_token_id, len(tokenizer)) == (size, 3, size + 1)
    assert ids_of(tokenizer, "</s>") == [size]
    assert tokenizer.add_tokens(["more"]) == 1
    tokenizer.pad_token = tokenizer.eos_token
    assert tokenizer.pad_token_id == size
    tokenizer.unk_token_id = None
    assert tokenizer.unk_token is None and tokenizer.add_tokens(["most"]) == 1


@settings(deadline=None, max_examples=100)
@given(text=texts)
def test_offsets_cover_the_text_in_order(pristine, text):
    offsets = pristine.get_offset_mapping(text)
    assert len(offsets) == len(pristine.tokenize(text))
    assert {position for start, end in offsets for position in range(start, end)} == set(range(len(text)))
    assert offsets == sorted(offsets)


def test_offsets_of_characters_and_special_tokens(tokenizer):
    tokenizer.add_bos_token = True
    encoded = tokenizer("a🌍<sep>b", return_offsets_mapping=True)
    assert encoded["offset_mapping"] == [(0, 0), (0, 1)] + [(1, 2)] * 4 + [(2, 7), (7, 8)]
    with pytest.raises(InputError, match="set tokenizer.split_special_tokens=True instead"):
        tokenizer("<sep>", return_offsets_mapping=True, split_special_tokens=True)
    tokenizer.split_special_tokens = True
    encoded = tokenizer("<sep>", return_offsets_mapping=True)
    assert len(encoded["offset_mapping"]) == len(encoded["input_ids"])


def test_importing_the_package_imports_nothing_heavy():
    code = (
        "import sys, paddle_xformers.tokenizers as t; assert 'XTokenizer' in dir(t); "
        "heavy = {'paddle', 'paddlenlp', 'numpy'} & set(sys.modules); assert not heavy, heavy"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_unknown_names_of_the_package_are_attribute_errors():
    with pytest.raises(AttributeError, match="it has XByteTokenizer, XTokenizer"):
        paddle_xformers.tokenizers.XWordTokenizer  # noqa: B018
