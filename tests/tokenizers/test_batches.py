"""Framing, padding, truncation and collation, for both tokenizers."""

import numpy as np
import paddle
import pytest

from paddle_xformers.errors import InputError


def plain(tokenizer, text):
    return tokenizer(text, add_special_tokens=False)["input_ids"]


def test_default_is_the_text_alone_with_a_mask(pristine):
    encoded = pristine("ab")
    assert list(encoded.keys()) == ["input_ids", "attention_mask"]
    assert encoded["attention_mask"] == [1] * len(encoded["input_ids"])
    assert pristine.padding_side == "right"
    assert pristine("ab", "cd")["input_ids"] == plain(pristine, "ab") + plain(pristine, "cd")


FRAMES = [
    # options, one sequence, a pair, token types of the pair around A (a) and B (b)
    ({}, "A", "AB", "01"),
    ({"add_bos_token": True}, "1A", "1A1B", "0011"),
    ({"add_eos_token": True}, "A2", "A2B2", "0011"),
    ({"add_bos_token": True, "add_eos_token": True}, "1A2", "1A21B2", "000111"),
    ({"add_cls_sep_tokens": True}, "5A6", "5A6B6", "00011"),
]


@pytest.mark.parametrize(("options", "single", "pair", "types"), FRAMES)
def test_frames(tokenizer, options, single, pair, types):
    for name, value in options.items():
        setattr(tokenizer, name, value)
    first, second = plain(tokenizer, "first"), plain(tokenizer, "2nd")

    def spelled(frame, a, b, other):
        parts = {"A": a, "B": b}
        return [item for mark in frame for item in (parts.get(mark) or other(mark))]

    one = tokenizer("first", return_special_tokens_mask=True)
    two = tokenizer("first", "2nd", return_special_tokens_mask=True, return_token_type_ids=True)
    assert one["input_ids"] == spelled(single, first, second, lambda mark: [int(mark)])
    assert two["input_ids"] == spelled(pair, first, second, lambda mark: [int(mark)])
    zeros = [0] * len(first), [0] * len(second)
    assert one["special_tokens_mask"] == spelled(single, *zeros, lambda mark: [1])
    assert two["special_tokens_mask"] == spelled(pair, *zeros, lambda mark: [1])
    lengths = [len({"A": first, "B": second}.get(mark, [0])) for mark in pair]
    expected = [int(kind) for kind, length in zip(types, lengths, strict=True) for _ in range(length)]
    assert two["token_type_ids"] == expected
    assert tokenizer.num_special_tokens_to_add() == len(one["input_ids"]) - len(first)
    assert tokenizer.num_special_tokens_to_add(pair=True) == len(pair) - 2
    framed_mask = tokenizer.get_special_tokens_mask(two["input_ids"], already_has_special_tokens=True)
    assert framed_mask == two["special_tokens_mask"]
    assert tokenizer("first", add_special_tokens=False)["input_ids"] == first
    assert tokenizer.decode(two["input_ids"], skip_special_tokens=True) == "first2nd"


def test_frames_that_exclude_each_other_are_refused(tokenizer):
    tokenizer.add_cls_sep_tokens = tokenizer.add_eos_token = True
    with pytest.raises(InputError, match="add_cls_sep_tokens=True excludes add_bos_token=False and add_eos_token=True"):
        tokenizer("a")


def test_a_frame_without_its_token_is_refused(tokenizer):
    tokenizer.add_bos_token, tokenizer.bos_token = True, None
    with pytest.raises(InputError, match="bos_token is None"):
        tokenizer("a")


def test_framed_pairs_are_not_framed_again(pristine):
    with pytest.raises(InputError, match="token_ids_1 must be None"):
        pristine.get_special_tokens_mask([1], [2], already_has_special_tokens=True)


@pytest.mark.parametrize("tensors", ["np", "pd"])
@pytest.mark.parametrize("by_call", [True, False])
@pytest.mark.parametrize("side", ["right", "left"])
def test_padding_sides(tokenizer, side, by_call, tensors):
    tokenizer.padding_side = "right" if by_call else side
    options = {"padding_side": side} if by_call else {}
    batch = tokenizer(["a", "a fox"], padding=True, return_tensors=tensors, return_position_ids=True, **options)
    short, long = plain(tokenizer, "a"), plain(tokenizer, "a fox")
    gap = len(long) - len(short)
    fill, keep = [0] * gap, [1] * len(short)
    expected = [short + fill, long] if side == "right" else [fill + short, long]
    mask = [keep + fill, [1] * len(long)] if side == "right" else [fill + keep, [1] * len(long)]
    assert isinstance(batch["input_ids"], paddle.Tensor if tensors == "pd" else np.ndarray)
    assert batch["input_ids"].tolist() == expected
    assert batch["attention_mask"].tolist() == mask


def test_padding_to_a_length_and_to_a_multiple(pristine):
    batch = pristine(["a", "b"], padding="max_length", max_length=5)
    assert [len(row) for row in batch["input_ids"]] == [5, 5]
    batch = pristine(["a", "the lazy dog"], padding=True, pad_to_multiple_of=8)
    assert {len(row) % 8 for row in batch["input_ids"]} == {0}
    assert batch["attention_mask"][0] == [1] + [0] * (len(batch["input_ids"][0]) - 1)


@pytest.mark.parametrize("side", ["right", "left"])
def test_truncation(tokenizer, side):
    tokenizer.truncation_side, tokenizer.add_eos_token = side, True
    ids = plain(tokenizer, "the lazy dog")
    kept = ids[:3] if side == "right" else ids[-3:]
    assert tokenizer("the lazy dog", truncation=True, max_length=4)["input_ids"] == [*kept, 2]
    pair = tokenizer("the lazy dog", "ab", truncation="only_first", max_length=len(plain(tokenizer, "ab")) + 5)
    assert pair["input_ids"] == [*kept, 2, *plain(tokenizer, "ab"), 2]


def test_empty_texts_have_integer_ids_and_are_padded(pristine):
    for tensors in ("np", "pd"):
        encoded = pristine("", return_tensors=tensors)
        assert list(encoded["input_ids"].shape) == [1, 0] or encoded["input_ids"].shape == (1, 0)
        assert "int64" in str(encoded["input_ids"].dtype) and "int64" in str(encoded["attention_mask"].dtype)
    expected = {"input_ids": [0, 0, 0], "attention_mask": [0, 0, 0]}
    assert dict(pristine("", padding="max_length", max_length=3)) == expected
    assert pristine(["", "a"], padding=True)["attention_mask"] == [[0], [1]]


@pytest.mark.parametrize("kind", [list, np.array, paddle.to_tensor])
def test_pad_collates_rows_of_any_kind(pristine, kind):
    rows = [
        {"input_ids": kind([9, 10, 11]), "attention_mask": kind([1, 1, 1])},
        {"input_ids": kind([12]), "attention_mask": kind([1])},
    ]
    batch = pristine.pad(rows, return_tensors="np")
    assert batch["input_ids"].tolist() == [[9, 10, 11], [12, 0, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert len(rows[1]["input_ids"]) == 1 and set(rows[1]) == {"input_ids", "attention_mask"}


def test_pad_makes_the_mask_and_leaves_the_rows_alone(pristine):
    columns = {"input_ids": [[9, 10], [11]]}
    batch = pristine.pad(columns, padding_side="left", return_tensors="pd")
    assert batch["attention_mask"].tolist() == [[1, 1], [0, 1]]
    assert columns == {"input_ids": [[9, 10], [11]]}


def test_pad_refuses_no_rows_and_unequal_rows(pristine):
    with pytest.raises(InputError, match="encoded_inputs is empty"):
        pristine.pad([])
    with pytest.raises(InputError, match=r"row 1 of encoded_inputs has the keys \['input_ids'\]"):
        pristine.pad([{"input_ids": [1], "labels": [1]}, {"input_ids": [1]}])


def test_paddlenlp_collators_take_both_tokenizers(pristine):
    from paddlenlp.data import DataCollatorForLanguageModeling, DataCollatorForSeq2Seq

    rows = [pristine("the fox"), pristine("a")]
    causal = DataCollatorForLanguageModeling(pristine, mlm=False)(rows)
    assert causal["labels"][1].tolist()[1:] == [-100] * (len(rows[0]["input_ids"]) - 1)
    masked = DataCollatorForLanguageModeling(pristine, mlm=True, mlm_probability=0.99)(rows)
    assert 4 in masked["input_ids"].numpy()
    labelled = [{**row, "labels": row["input_ids"]} for row in rows]
    assert DataCollatorForSeq2Seq(pristine)(labelled)["labels"].shape == causal["labels"].shape


def test_batches_of_pairs_and_of_words(pristine):
    pairs = pristine([["the", "fox"], ["a", "dog"]])
    assert pairs["input_ids"][0] == plain(pristine, "the") + plain(pristine, "fox")
    words = pristine(["the", " fox"], is_split_into_words=True)
    assert pristine.decode(words["input_ids"]) == "the fox"
