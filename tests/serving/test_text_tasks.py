"""The tasks about texts give what model and tokenizer give by hand."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    XByteTokenizer,
    XDecoderForSequenceClassification,
    XEncoderForMaskedLM,
    XEncoderForSequenceClassification,
    XEncoderModel,
    XTokenizer,
)
from paddle_xformers.errors import InputError

from .served import BY_NAME, LONGEST, MASKED, TEXTS, Served, encoder

NAMES = ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"]


def by_hand(case: Served, folder: Path, texts: list[str]) -> tuple[Any, Any, Any]:
    """The output of the model of a folder, its tokenizer, and the batch."""
    model = case.model_class.from_pretrained(folder)
    model.eval()
    tokenizer = XByteTokenizer.from_pretrained(str(folder))
    batch = tokenizer(texts, padding=True, return_tensors="pd")
    return model(**batch, return_dict=True), tokenizer, batch


def softmax(logits: Any) -> np.ndarray:
    return paddle.nn.functional.softmax(logits, axis=-1).numpy()


@pytest.mark.parametrize("keywords", [{}, {"decode_strategy": "beam_search", "num_beams": 3}, {"use_cache": False}])
def test_text2text_generation(made: Any, folder_of: Any, keywords: dict[str, Any]):
    case = BY_NAME["text2text_generation-xseq2seq"]
    model = case.model_class.from_pretrained(folder_of(case))
    model.eval()
    tokenizer = XByteTokenizer.from_pretrained(str(folder_of(case)))
    batch = tokenizer(TEXTS, padding=True, return_tensors="pd")
    ids, _ = model.generate(batch["input_ids"], attention_mask=batch["attention_mask"], max_new_tokens=6, **keywords)
    wanted = tokenizer.batch_decode(ids.tolist(), skip_special_tokens=True)
    found = made(case)(TEXTS, **keywords)
    assert found == [{"text": text, "answer": answer} for text, answer in zip(TEXTS, wanted, strict=True)]
    assert len({*wanted}) > 1


def test_a_target_may_begin_with_a_token_of_its_own_and_be_one_of_several(made: Any):
    translate = made(BY_NAME["text2text_generation-xseq2seq"])
    assert translate("to be", decoder_start_token_id=100) != translate("to be")
    several = translate(TEXTS[:2], decode_strategy="beam_search", num_beams=2, num_return_sequences=2)
    assert [answer["text"] for answer in several] == [TEXTS[0], TEXTS[0], TEXTS[1], TEXTS[1]]


def test_a_target_longer_than_the_decoder_is_refused(made: Any):
    with pytest.raises(ValueError, match="max_new_tokens=20 make 21, more than dec_max_seq_len=20"):
        made(BY_NAME["text2text_generation-xseq2seq"])("a", max_new_tokens=20)


def test_fill_mask(made: Any, folder_of: Any):
    case = BY_NAME["fill_mask-xencoder"]
    output, tokenizer, batch = by_hand(case, folder_of(case), MASKED)
    chances, ids = softmax(output.logits), batch["input_ids"].numpy()
    found = made(case)(MASKED, top_k=3)
    assert [len(answer["predictions"]) for answer in found] == [text.count("<mask>") for text in MASKED]
    for row, answer in enumerate(found):
        places = np.flatnonzero(ids[row] == tokenizer.mask_token_id)
        for number, (place, candidates) in enumerate(zip(places, answer["predictions"], strict=True)):
            best = chances[row, place].argsort()[::-1][:3]
            assert [candidate["token"] for candidate in candidates] == best.tolist()
            np.testing.assert_allclose([one["score"] for one in candidates], chances[row, place, best], atol=1e-6)
            for candidate in candidates:
                parts = MASKED[row].split("<mask>")
                assert candidate["token_str"] == tokenizer.decode([candidate["token"]])
                left, right = "<mask>".join(parts[: number + 1]), "<mask>".join(parts[number + 1 :])
                assert candidate["sequence"] == left + candidate["token_str"] + right


def test_fill_mask_gives_five_tokens_unless_told(made: Any):
    fill = made(BY_NAME["fill_mask-xencoder"])
    assert len(fill("<mask>")[0]["predictions"][0]) == 5
    assert len(fill("<mask>", top_k=9999)[0]["predictions"][0]) == 264


def test_a_byte_may_complete_a_character(made: Any, folder_of: Any):
    """With a mask for the second byte of é, the byte that makes it one gives é in the sequence."""
    case = BY_NAME["fill_mask-xencoder"]
    task = made(case).task_instance
    tokenizer = task._tokenizer
    first, second = tokenizer.encode_bytes("é".encode())
    chances = np.zeros(264)
    chances[second] = 1
    assert task._best([first, 4], 1, chances, 1)[0]["sequence"] == "é"
    assert tokenizer.mask_token_id == 4


def test_a_mask_is_one_although_special_tokens_are_cut(tmp_path: Path, made: Any):
    case = BY_NAME["fill_mask-xencoder"]
    case.save(tmp_path)
    XByteTokenizer(add_cls_sep_tokens=True, split_special_tokens=True).save_pretrained(tmp_path)
    assert case.taskflow(tmp_path)(MASKED) == made(case)(MASKED)


def test_fill_mask_with_subwords(tmp_path: Path):
    (tmp_path / "corpus.txt").write_text("to be or not to be, that is the question\n" * 20)
    tokenizer = XTokenizer.train(tmp_path / "corpus.txt", 280, output_dir=tmp_path / "model")
    model = XEncoderForMaskedLM(encoder()().__class__(**{**encoder()().values(), "num_tokens": len(tokenizer)}))
    model.eval()
    model.save_pretrained(tmp_path / "model")
    text = "to <mask> or not"
    (found,) = BY_NAME["fill_mask-xencoder"].taskflow(tmp_path / "model")(text, top_k=2)
    ids = tokenizer(text)["input_ids"]
    logits = model(paddle.to_tensor([ids]), return_dict=True).logits[0, ids.index(4)].numpy()
    assert [one["token"] for one in found["predictions"][0]] == logits.argsort()[::-1][:2].tolist()
    assert tokenizer.mask_token_id == 4


@pytest.mark.parametrize("name", ["text_classification-xencoder", "text_classification-xdecoder"])
def test_text_classification(made: Any, folder_of: Any, name: str):
    case = BY_NAME[name]
    output, _, _ = by_hand(case, folder_of(case), TEXTS)
    chances = softmax(output.logits)
    for keywords, count in (({}, 1), ({"top_k": 3}, 3), ({"top_k": 99}, 5)):
        for row, answer in enumerate(made(case)(TEXTS, **keywords)):
            best = chances[row].argsort()[::-1][:count]
            assert answer["text"] == TEXTS[row]
            assert [one["label"] for one in answer["predictions"]] == [NAMES[number] for number in best]
            np.testing.assert_allclose([one["score"] for one in answer["predictions"]], chances[row, best], atol=1e-6)


@pytest.mark.parametrize("family", ["xencoder", "xdecoder"])
def test_model_names_the_family_although_paddlenlp_calls_it_a_mode(made: Any, folder_of: Any, family: str):
    from paddlenlp import Taskflow

    case = BY_NAME[f"text_classification-{family}"]
    by_mode = Taskflow("text_classification", mode=family, task_path=str(folder_of(case)))
    assert by_mode(TEXTS) == made(case)(TEXTS)


def saved(model: Any, folder: Path) -> Path:
    model.eval()
    model.save_pretrained(folder)
    XByteTokenizer().save_pretrained(folder)
    return folder


def test_labels_that_hold_together(tmp_path: Path):
    labels = {0: "a", 1: "b", 2: "c", 3: "d"}
    config = encoder(problem_type="multi_label_classification", id2label=labels)()
    model = XEncoderForSequenceClassification(config)
    classify = BY_NAME["text_classification-xencoder"].taskflow(saved(model, tmp_path))
    ids = paddle.to_tensor([XByteTokenizer()("to be")["input_ids"]])
    chances = paddle.nn.functional.sigmoid(model(ids)).numpy()[0]
    for threshold in (0.0, 0.5, float(np.median(chances)), 1.0):
        (answer,) = classify("to be", threshold=threshold)
        wanted = [number for number in chances.argsort()[::-1] if chances[number] > threshold]
        assert [one["label"] for one in answer["predictions"]] == [labels[number] for number in wanted]
    assert classify("to be") == classify("to be", threshold=0.5)
    assert len(classify("to be", threshold=0.0, top_k=2)[0]["predictions"]) == 2


@pytest.mark.parametrize("count", [1, 3])
def test_numbers(tmp_path: Path, count: int):
    config = encoder(problem_type=None if count == 1 else "regression", num_labels=count)()
    model = XEncoderForSequenceClassification(config)
    rate = BY_NAME["text_classification-xencoder"].taskflow(saved(model, tmp_path))
    wanted = model(paddle.to_tensor([XByteTokenizer()("to be")["input_ids"]])).numpy()[0]
    predictions = rate("to be")[0]["predictions"]
    assert [one["label"] for one in predictions] == [f"LABEL_{number}" for number in range(count)]
    np.testing.assert_allclose([one["score"] for one in predictions], wanted, atol=1e-6)


@pytest.mark.parametrize("name", ["text_classification-xencoder", "feature_extraction-xencoder"])
def test_truncation_reads_the_beginning(made: Any, name: str):
    task = made(BY_NAME[name])
    beginning = "abc " * LONGEST
    kept = beginning[: LONGEST - 2]  # between <cls> and <sep>
    cut, whole = task(beginning, truncation=True)[0], task(kept)[0]
    for key in whole.keys() - {"text"}:
        np.testing.assert_equal(cut[key], whole[key])
    assert cut["text"] == beginning


def test_feature_extraction_by_the_pooler(made: Any, folder_of: Any):
    case = BY_NAME["feature_extraction-xencoder"]
    output, _, _ = by_hand(case, folder_of(case), TEXTS)
    found = np.stack([answer["features"] for answer in made(case)(TEXTS)])
    np.testing.assert_allclose(found, output.pooler_output.numpy(), atol=1e-6)
    assert found.dtype == np.float32 and found.shape == (4, 32)


def test_feature_extraction_by_the_mean(made: Any, folder_of: Any):
    case = BY_NAME["feature_extraction-xencoder"]
    output, _, batch = by_hand(case, folder_of(case), TEXTS)
    mask = batch["attention_mask"].numpy()[:, :, None]
    wanted = (output.last_hidden_state.numpy() * mask).sum(1) / mask.sum(1)
    found = np.stack([answer["features"] for answer in made(case)(TEXTS, pooling="mean")])
    np.testing.assert_allclose(found, wanted, atol=1e-5)


def test_a_language_model_gives_features_too_but_not_by_a_pooler_without_weights(tmp_path: Path):
    model = XEncoderForMaskedLM(encoder(pooler="cls", pooler_dense=True)())
    embed = BY_NAME["feature_extraction-xencoder"].taskflow(saved(model, tmp_path))
    ids = paddle.to_tensor([XByteTokenizer()("to be")["input_ids"]])
    hidden = model.xencoder(ids, return_dict=True).last_hidden_state.numpy()
    np.testing.assert_allclose(embed("to be")[0]["features"], hidden[0].mean(0), atol=1e-5)


def test_a_pooler_without_weights_of_its_own_needs_none(tmp_path: Path):
    model = XEncoderForMaskedLM(encoder(pooler="cls", pooler_normalize=True)())
    embed = BY_NAME["feature_extraction-xencoder"].taskflow(saved(model, tmp_path))
    assert np.linalg.norm(embed("to be")[0]["features"]) == pytest.approx(1, abs=1e-5)
    assert XEncoderModel.from_pretrained(tmp_path).missing_weights == ()


def test_half_precision_is_served_on_a_cpu(tmp_path: Path):
    case = BY_NAME["text_classification-xdecoder"]
    model = XDecoderForSequenceClassification(case.config())
    model.to(dtype="float16")
    model.config.dtype = "float16"
    assert case.taskflow(saved(model, tmp_path))("to be")[0]["text"] == "to be"


def test_a_pooler_that_is_not_there(tmp_path: Path):
    case = BY_NAME["feature_extraction-xencoder"]
    XByteTokenizer().save_pretrained(tmp_path)
    XEncoderModel(encoder(pooler="none")()).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="has no pooler; give 'mean'"):
        case.taskflow(tmp_path, pooling="pooler")
    XEncoderForMaskedLM(encoder(pooler_dense=True)()).save_pretrained(tmp_path)
    with pytest.raises(InputError, match="has no weights for its pooler; give 'mean'"):
        case.taskflow(tmp_path)("a", pooling="pooler")
    XEncoderForSequenceClassification(encoder(pooler_dense=True)()).save_pretrained(tmp_path)
    assert case.taskflow(tmp_path, pooling="pooler")("a")
