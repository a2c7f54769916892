"""The recipes from end to end: the trial run, what it leaves, an interrupted run, adapters."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest
from paddlenlp import Taskflow
from paddlenlp.peft import LoRAModel
from paddlenlp.transformers import (
    AutoImageProcessor,
    AutoModelForConditionalGeneration,
    AutoModelForMaskedLM,
    AutoModelForSequenceClassification,
    AutoModelForTokenClassification,
    AutoTokenizer,
)

from model_zoo.chorales import composer
from model_zoo.common import adapters, training
from model_zoo.common.fitting import fit
from model_zoo.common.plan import model_fields
from model_zoo.common.progress import Progress, newest_checkpoint
from model_zoo.common.runs import RECORD, Run
from model_zoo.flights import reporter
from model_zoo.flights.data import Flights
from model_zoo.forecasting import forecaster
from model_zoo.grapheme_to_phoneme import speaker
from model_zoo.image_captioning import captioner, pictures
from model_zoo.image_captioning.data import Drawings
from model_zoo.image_classification import classifier as images
from model_zoo.text_classification import classifier as texts
from model_zoo.text_classification import run as text_classification
from model_zoo.token_classification import tagger
from model_zoo.token_classification.data import LABELS
from paddle_xformers import (
    AutoModelForImageClassification,
    XContinuousForRegression,
    XImageProcessor,
    XMultiInputForCausalLM,
    XValForCausalLM,
    XViTConfig,
    XViTForImageClassification,
)

from . import small_data

ROOT = Path(__file__).resolve().parent.parent.parent
RECIPES = {
    "text_classification": (small_data.mails, ("naive Bayes", "logistic regression", "always ham", "spam caught")),
    "masked_lm": (small_data.mails, ("commonest between the neighbours", "commonest of all")),
    "grapheme_to_phoneme": (small_data.dictionary, ("greedy", "4 beams", "letters by their neighbours", "(right: ")),
    "image_classification": (small_data.clothes, ("logistic regression on pixels", "Hardest: ")),
    "token_classification": (
        small_data.news,
        ("names seen in training", "logistic regression on neighbours", "PER only"),
    ),
    "forecasting": (small_data.weather, ("ridge regression", "as it is now", "as a day before", "degrees Celsius")),
    "chorales": (small_data.chorales, ("each voice after its last four", "every note goes on", "four voices")),
    "flights": (small_data.flights, ("as late as it left", "ridge regression", "boosted trees", "within 10")),
    "image_captioning": (small_data.emoji, ("captions right", "caption of the nearest picture", "(right: ")),
}


def recipe(name: str, *arguments: object, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(ROOT / "model_zoo" / name / "run.py"), *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=180)


@pytest.mark.parametrize("name", RECIPES)
def test_the_trial_run(tmp_path: Path, name: str) -> None:
    write, words = RECIPES[name]
    arguments = ("--smoke", "--data", write(tmp_path / "data"), "--output", tmp_path / "run")
    done = recipe(name, *arguments)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar and no noise where nobody looks
    assert all(word in done.stdout for word in ("to train on", "held out", "Trained: 24 steps", *words)), done.stdout
    assert not list((tmp_path / "run").glob("checkpoint-*"))
    again = recipe(name, *arguments)
    assert again.returncode == 0 and again.stderr == "" and "Training was finished before" in again.stdout
    assert done.stdout.partition("Trained:")[2] == again.stdout.partition("Trained:")[2]
    other = recipe(name, *arguments, "--seed", 9)
    assert other.returncode == 2 and "other settings (seed)" in other.stderr
    _CHECKS[name](tmp_path / "run" / "model", json.loads((tmp_path / "run" / RECORD).read_text())["scores"])


def _text_classifier_serves(folder: Path, scores: dict[str, Any]) -> None:
    model, tokenizer = AutoModelForSequenceClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.config.id2label == {0: "ham", 1: "spam"}
    assert tokenizer.model_max_length == model.config.max_seq_len
    inputs = tokenizer(["free money", "the kernel " * 99], padding=True, truncation=True, return_tensors="pd")
    inputs = {name: value for name, value in inputs.items() if name != "token_type_ids"}
    assert inputs["input_ids"].shape == [2, model.config.max_seq_len]
    model.eval()
    chances = paddle.nn.functional.softmax(model(**inputs), axis=-1).numpy()
    classify = Taskflow("text_classification", model="xencoder", task_path=str(folder), top_k=2)
    for answer, row in zip(classify(["free money", "the kernel " * 99], truncation=True), chances, strict=True):
        found = {one["label"]: one["score"] for one in answer["predictions"]}
        np.testing.assert_allclose([found["ham"], found["spam"]], row, atol=1e-5)


def _masked_lm_serves(folder: Path, scores: dict[str, Any]) -> None:
    model, tokenizer = AutoModelForMaskedLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    ids = tokenizer(f"free {tokenizer.mask_token}", return_tensors="pd")["input_ids"]
    assert (ids == tokenizer.mask_token_id).sum() == 1 and model(ids).shape[-1] == len(tokenizer)
    model.eval()
    fill = Taskflow("fill_mask", model="xencoder", task_path=str(folder), top_k=1)
    (((best,),),) = (answer["predictions"] for answer in fill(f"free {tokenizer.mask_token}"))
    assert best["token"] == int(model(ids)[0, -1].argmax())


def _speaker_serves(folder: Path, scores: dict[str, Any]) -> None:
    model, tokenizer = AutoModelForConditionalGeneration.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert model.generation_config.max_new_tokens == speaker.LONGEST
    assert tokenizer.decode(tokenizer("abate AH B")["input_ids"][-2:]) == " AH B"
    model.eval()
    ids = model.generate(**tokenizer(["abate"], return_attention_mask=True, return_tensors="pd"))[0]
    speak = Taskflow("text2text_generation", model="xseq2seq", task_path=str(folder))
    assert speak("abate")[0]["answer"] == tokenizer.decode(ids[0].tolist(), skip_special_tokens=True)


def _image_classifier_serves(folder: Path, scores: dict[str, Any]) -> None:
    model, processor = (
        AutoModelForImageClassification.from_pretrained(folder),
        AutoImageProcessor.from_pretrained(str(folder)),
    )
    assert model.config.id2label[9] == "ankle boot"
    picture = np.arange(3600, dtype=np.uint8).reshape(40, 30, 3)
    model.eval()
    chances = paddle.nn.functional.softmax(model(**processor([picture])), axis=-1).numpy()
    classify = Taskflow("image_classification", model="xvit", task_path=str(folder))
    (best,) = classify(picture)[0]["predictions"]
    assert best["label"] == model.config.id2label[int(chances.argmax())] and chances.shape == (1, 10)
    np.testing.assert_allclose(best["score"], chances.max(), atol=1e-5)


def _tagger_serves(folder: Path, scores: dict[str, Any]) -> None:
    model, tokenizer = AutoModelForTokenClassification.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    text = "江泽民在北京发表讲话龘x，新华社"  # two characters are spelled in bytes
    ids = tokenizer(text, return_tensors="pd")["input_ids"]
    assert ids.shape == [1, len(text) + 2] and tokenizer.decode(ids[0].tolist()) == text
    model.eval()
    logits = model(ids)
    find = Taskflow("token_classification", model="xencoder", task_path=str(folder))
    tokens = find(text, aggregation="token")[0]["predictions"]
    assert [token["label"] for token in tokens] == [LABELS[best] for best in logits[0].argmax(-1).tolist()]
    (labels,) = tagger.labelled(model, tokenizer, [text])
    firsts = {token["start"]: token["label"] for token in reversed(tokens)}
    assert [firsts[place] for place in range(len(text))] == [LABELS[label] for label in labels]


def _captioner_serves(folder: Path, scores: dict[str, Any]) -> None:
    model, tokenizer = AutoModelForConditionalGeneration.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    drawing = np.full([64, 64, 4], 255, np.uint8)
    rows = pictures.Rows(Drawings(drawing[None], ["white"]), None, AutoImageProcessor.from_pretrained(str(folder)))
    describe = Taskflow("image_to_text", model="xcaption", task_path=str(folder), decode_strategy="greedy_search")
    assert [describe(drawing[:, :, :3])[0]["answer"]] == captioner.described(model, tokenizer, rows)


def _forecaster_goes_on(folder: Path, scores: dict[str, Any]) -> None:
    model, scales = XContinuousForRegression.from_pretrained(folder), forecaster.Scales.load(folder)
    before = np.random.default_rng(0).normal(size=(2, forecaster.KNOWN, len(scales.mean))).astype("float32")
    found = forecaster.forecast(model, scales, before)
    assert found.shape == (2, forecaster.AHEAD, len(scales.mean))
    alone = model.generate(paddle.to_tensor(scales.scaled(before)), 3, use_cache=False).numpy()
    np.testing.assert_allclose(found[:, :3], scales.weather(alone), atol=1e-3)


def _chorales_go_on(folder: Path, scores: dict[str, Any]) -> None:
    model = XMultiInputForCausalLM.from_pretrained(folder)
    model.eval()
    assert (folder.parent / composer.EXAMPLE).read_bytes().startswith(b"\x89PNG")
    ids = paddle.full([1, 4, 4], 20, dtype="int64")
    cached, anew = (model.generate(ids, 5, use_cache=on) for on in (True, False))
    assert list(cached) == ["soprano", "alto", "tenor", "bass"]
    assert all((cached[name] == anew[name]).all() and cached[name].shape == [1, 5] for name in cached)
    assert scores["this model"][0] < np.log(66)  # better than no idea


def _lateness_is_said(folder: Path, scores: dict[str, Any]) -> None:
    model, sayings = XValForCausalLM.from_pretrained(folder), reporter.Sayings.load(folder)
    model.eval()
    asked = Flights(np.array([["UA", "EWR", "LAX", "January", "Moon"]]), np.array([[8.5, 3950.0, 12.0]]), np.zeros(1))
    ids, numbers = sayings.sentences(asked)
    assert sayings.words[ids[0, 10]] == "<unk>" and ids.shape == numbers.shape == (1, 20)
    with paddle.no_grad():
        place = ids.shape[1] - 3  # the last word of the question
        said = model(paddle.to_tensor(ids[:, :-2]), paddle.to_tensor(numbers[:, :-2]), return_dict=True)
    if int(said.logits[0, place].argmax()) == model.config.numerical_token_id:
        expected = sayings.unscaled(said.numbers[:, place].numpy(), reporter.ARRIVED)
        np.testing.assert_allclose(reporter.lateness(model, sayings, asked), expected, rtol=1e-4)
    else:
        assert np.isnan(reporter.lateness(model, sayings, asked)).all()


_CHECKS = {
    "chorales": _chorales_go_on,
    "flights": _lateness_is_said,
    "forecasting": _forecaster_goes_on,
    "text_classification": _text_classifier_serves,
    "masked_lm": _masked_lm_serves,
    "grapheme_to_phoneme": _speaker_serves,
    "image_classification": _image_classifier_serves,
    "token_classification": _tagger_serves,
    "image_captioning": _captioner_serves,
}


def test_adapters_of_a_pretrained_encoder(tmp_path: Path) -> None:
    data = small_data.mails(tmp_path / "data")
    recipe("masked_lm", "--smoke", "--data", data, "--output", tmp_path / "first")
    start = tmp_path / "first" / "model"
    arguments = ("--smoke", "--data", data, "--from", start, "--output", tmp_path / "run", "--lora", 4)
    done = recipe("text_classification", *arguments)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    outcome = json.loads((tmp_path / "run" / RECORD).read_text())["outcome"]
    assert 0 < outcome["learning"] < outcome["parameters"] / 3
    training.seed_all(1)
    base = AutoModelForSequenceClassification.from_pretrained(start, num_labels=2)
    before = {name: value.numpy() for name, value in base.state_dict().items()}
    adapted = LoRAModel.from_pretrained(base, str(tmp_path / "run" / "lora"))
    merged = AutoModelForSequenceClassification.from_pretrained(tmp_path / "run" / "model")
    dropout = [model_fields(text_classification.RECIPE.folder, text_classification.SMOKE)["emb_dropout"], 0.0]
    assert [merged.config.emb_dropout, base.config.emb_dropout] == dropout  # that of this recipe, not of the other
    changed = [name for name, value in merged.state_dict().items() if not np.array_equal(value.numpy(), before[name])]
    assert changed and all(re.search(r"[qkvo]_proj|classifier", name) for name in changed)
    ids = paddle.randint(8, 300, [2, 9])
    adapted.eval()
    merged.eval()
    np.testing.assert_allclose(merged(ids).numpy(), adapted(ids).numpy(), atol=1e-5)
    for arguments in (["--lora", 4], ["--lora", 0, "--from", start]):
        refused = recipe("text_classification", "--smoke", "--data", data, *arguments)
        assert refused.returncode == 2 and "--lora" in refused.stderr and "Traceback" not in refused.stderr


def fitted(folder: Path, rank: int | None) -> tuple[dict[str, np.ndarray], bool]:
    """Fit a tiny classifier, as another process would; the weights that are saved, and whether it ended."""
    plan = replace(text_classification.SMOKE, steps=30)
    fields = {**model_fields(text_classification.RECIPE.folder, plan), "num_labels": 2, "pad_token_id": 0}
    rng = np.random.default_rng(0)
    rows = [{"input_ids": rng.integers(8, 400, 12), "labels": int(n % 2)} for n in range(80)]
    saved: dict[str, np.ndarray] = {}

    def make() -> Any:
        model = texts.XEncoderForSequenceClassification(texts.XEncoderConfig(**fields))
        return adapters.adapt(model, rank, ".*classifier.*") if rank else model

    def save(model: Any) -> None:
        saved.update({name: value.numpy() for name, value in model.state_dict().items()})

    def collate(some: list[dict[str, Any]]) -> dict[str, Any]:
        return {name: paddle.to_tensor(np.stack([row[name] for row in some])) for name in some[0]}

    with paddle.utils.unique_name.guard():
        done = fit(Run(folder, {}), plan, 3, make, rows, save, collate)
    return saved, done


def interrupt(monkeypatch: pytest.MonkeyPatch, step: int) -> None:
    """Press Ctrl-C at the end of a step."""
    original = Progress.on_step_end

    def on_step_end(self: Any, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if state.global_step == step:
            os.kill(os.getpid(), signal.SIGINT)
        original(self, args, state, control, **kwargs)

    monkeypatch.setattr(Progress, "on_step_end", on_step_end)


@pytest.mark.parametrize("step", [13, 20], ids=["within an epoch", "between epochs"])
@pytest.mark.parametrize("rank", [None, 2], ids=["all weights", "adapters"])
def test_an_interrupted_run_ends_as_the_uninterrupted_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rank: int | None, step: int
) -> None:
    whole, done = fitted(tmp_path / "whole", rank)  # three epochs of ten steps, with dropout
    assert done and whole
    with monkeypatch.context() as during:
        interrupt(during, step)
        nothing, done = fitted(tmp_path / "halves", rank)
    assert not done and not nothing and newest_checkpoint(tmp_path / "halves").name == f"checkpoint-{step}"
    resumed, done = fitted(tmp_path / "halves", rank)
    assert done and newest_checkpoint(tmp_path / "halves") is None
    assert whole.keys() == resumed.keys()
    for name, value in whole.items():
        np.testing.assert_array_equal(resumed[name], value, err_msg=name)


def processor(**options: Any) -> XImageProcessor:
    return XImageProcessor(**{"size": 28, "channels": 1, "image_mean": 0.0, "image_std": 1.0, **options})


def test_pictures_are_moved_by_seed_and_epoch() -> None:
    picture = np.zeros([28, 28], np.uint8)
    picture[3, 5] = 255
    rows = images.Rows(images.Pictures(picture[None], np.array([3])), processor(), seed=1)
    places = set()
    for epoch in range(60):
        rows.set_epoch(epoch)
        found = rows[0]["pixel_values"][0]
        assert found.shape == (28, 28) and found.max() == 1 and np.array_equal(found, rows[0]["pixel_values"][0])
        places.add(tuple(np.argwhere(found)[0].tolist()))
    assert {row for row, _ in places} == {2, 3, 4}
    assert {column for _, column in places} == {4, 5, 6, 21, 22, 23}


def test_rows_know_their_epoch() -> None:
    rows = images.Rows(images.Pictures(np.zeros([9, 28, 28], np.uint8), np.zeros(9, np.int64)), processor(), seed=1)
    orders = []
    for epoch in (0, 1, 1):
        order = training.EpochOrder(rows, 4, seed=5)
        order.set_epoch(epoch)
        assert rows.epoch == epoch
        orders.append([index for batch in order for index in batch])
    assert sorted(orders[0]) == list(range(9)) and orders[0] != orders[1] == orders[2]


def test_held_out_pictures_are_not_moved() -> None:
    config = XViTConfig(image_size=28, patch_size=7, channels=1, dim=32, depth=1, heads=2, num_classes=10)
    pictures = images.Pictures(np.arange(784, dtype=np.uint8).reshape(1, 28, 28), np.array([3]))
    row = images.Rows(pictures, processor())[0]
    np.testing.assert_allclose(row["pixel_values"], pictures.pixels / np.float32(255), atol=1e-6)
    logits = XViTForImageClassification(config)(paddle.to_tensor(row["pixel_values"][None]))
    assert row["labels"] == 3 and logits.shape == [1, 10]


def test_drawings_are_changed_by_seed_and_epoch() -> None:
    drawing = np.zeros([64, 64, 4], np.uint8)
    drawing[30, 40] = 200, 100, 50, 255
    rows = pictures.Rows(Drawings(drawing[None], ["dot"]), [[7, 2]], processor(channels=3, do_resize=False), seed=1)
    places, backgrounds = set(), set()
    for epoch in range(80):
        rows.set_epoch(epoch)
        row = rows[0]
        found = row["pixel_values"]
        assert found.shape == (3, 64, 64) and row["labels"] == [7, 2] and np.array_equal(found, rows[0]["pixel_values"])
        background = found[:, 0, 0]
        (place,) = np.argwhere((found != background[:, None, None]).any(0))
        np.testing.assert_allclose(found[:, place[0], place[1]] * 255, [200, 100, 50], rtol=0.16)
        places.add(tuple(place.tolist()))
        backgrounds.add(tuple(background.tolist()))
    assert {row for row, _ in places} == {*range(26, 35)} and {column for _, column in places} == {*range(36, 45)}
    assert (0.0, 0.0, 0.0) in backgrounds and len(backgrounds) > 40
    batch = pictures.together([{**row, "labels": [7, 2]}, {**row, "labels": [7, 8, 2]}])
    assert batch["labels"].tolist() == [[7, 2, -100], [7, 8, 2]] and batch["pixel_values"].shape == [2, 3, 64, 64]
