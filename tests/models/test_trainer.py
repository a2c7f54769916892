"""PaddleNLP's Trainer on our models: training, evaluation, resuming, recompute, accumulation."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import paddle
import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM

from ..contracts.cases import SMALL
from .small import assert_same_weights, load, weights
from .training import Rows, collate, losses, trainer

NOISY = {"attn_dropout": 0.1, "ff_dropout": 0.1, "emb_dropout": 0.1, "rotary_pos_emb": True}


def fresh(**fields) -> XDecoderForCausalLM:
    paddle.seed(1)
    return XDecoderForCausalLM(XDecoderConfig(**{**SMALL, **fields}))


def apart(work):
    """Run with parameter names that count from zero, as in a new process."""
    with paddle.utils.unique_name.guard():
        return work()


@pytest.mark.parametrize(
    "fields",
    [{}, {"rotary_pos_emb": True, "norm": "rmsnorm", "ff_glu": True}, {"return_dict": True, "use_cache": True}],
    ids=["default", "rotary", "dict and cache"],
)
def test_the_loss_falls(tmp_path, fields):
    done = trainer(fresh(**fields), tmp_path, max_steps=20)
    done.train()
    found = losses(done)
    assert len(found) == 20
    assert found[0] > 3 and found[-1] < 0.7 * found[0]


@pytest.mark.parametrize("fields", [{}, {"return_dict": True, "use_cache": True, "max_mem_len": 4}], ids=["", "dict"])
def test_evaluation_and_prediction(tmp_path, fields):
    model, data = fresh(**fields), Rows(16)
    worker = trainer(model, tmp_path, data=data, compute_metrics=lambda predicted: {})
    measured = worker.evaluate()["eval_loss"]
    model.eval()
    batches = [collate([data[i] for i in range(start, start + 8)]) for start in (0, 8)]
    expected = np.mean([float(model(**batch, return_dict=True).loss) for batch in batches])
    assert measured == pytest.approx(expected, rel=1e-5)
    predicted = worker.predict(data)
    assert isinstance(predicted.predictions, np.ndarray) and predicted.predictions.shape == (16, 12, 37)
    logits = np.concatenate([model(**batch, return_dict=True).logits.numpy() for batch in batches])
    np.testing.assert_allclose(predicted.predictions, logits, atol=1e-5)
    np.testing.assert_array_equal(predicted.label_ids, np.stack([row["labels"] for row in data]))


@pytest.mark.parametrize("unified", [False, True], ids=["plain", "unified checkpoint"])
def test_resumed_training_equals_uninterrupted(tmp_path, unified):
    settings = {"max_steps": 6, "save_strategy": "steps", "save_steps": 3, "unified_checkpoint": unified}

    def run(folder: Path, resume=None) -> XDecoderForCausalLM:
        model = fresh(**NOISY)
        worker = trainer(model, folder, **settings)
        worker.train(resume_from_checkpoint=resume)
        assert worker.state.global_step == 6
        return model

    whole = apart(lambda: run(tmp_path / "whole"))
    resumed = apart(lambda: run(tmp_path / "resumed", str(tmp_path / "whole" / "checkpoint-3")))
    assert_same_weights(resumed, whole)


def test_checkpoints_of_the_trainer_load(tmp_path):
    model = fresh()
    trainer(model, tmp_path, max_steps=2, save_strategy="steps", save_steps=2).train()
    assert_same_weights(load(tmp_path / "checkpoint-2"), model)
    assert json.loads((tmp_path / "checkpoint-2" / "config.json").read_text())["architectures"] == [
        "XDecoderForCausalLM"
    ]


def test_the_best_model_is_loaded_at_the_end(tmp_path):
    """With a learning rate far too high the first checkpoint is the best."""
    model = fresh()
    worker = trainer(
        model,
        tmp_path,
        max_steps=4,
        learning_rate=1.0,
        evaluation_strategy="steps",
        eval_steps=1,
        save_strategy="steps",
        save_steps=1,
        load_best_model_at_end=True,
        metric_for_best_model="eval_loss",
    )
    worker.train()
    best = Path(worker.state.best_model_checkpoint)
    assert_same_weights(model, load(best))


def test_the_recompute_flag_reaches_the_stack(tmp_path, monkeypatch):
    import paddle.distributed.fleet.utils as fleet

    calls, original = [], fleet.recompute
    monkeypatch.setattr(fleet, "recompute", lambda layer, *a, **k: (calls.append(layer), original(layer, *a, **k))[1])
    plain, again = (apart(lambda on=on: run_recompute(tmp_path, on)) for on in (False, True))
    assert len(calls) == 3 * 4  # three steps, four layers: only in the second run
    for name, value in weights(plain).items():
        np.testing.assert_allclose(weights(again)[name], value, atol=1e-6, err_msg=name)


def run_recompute(folder: Path, on: bool) -> XDecoderForCausalLM:
    model = fresh(attn_dropout=0.1, ff_dropout=0.1)
    trainer(model, folder, max_steps=3, recompute=on).train()
    assert model.xdecoder.stack.enable_recompute is on
    return model


def test_accumulated_gradients_equal_a_large_batch(tmp_path):
    def run(batch: int, parts: int) -> XDecoderForCausalLM:
        model = fresh()
        arguments = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": parts}
        trainer(model, tmp_path, max_steps=3, learning_rate=1e-3, **arguments).train()
        return model

    whole, parts = run(8, 1), run(2, 4)
    for name, value in weights(whole).items():
        np.testing.assert_allclose(weights(parts)[name], value, atol=1e-5, err_msg=name)


def test_padding_in_the_batches(tmp_path):
    done = trainer(fresh(rotary_pos_emb=True), tmp_path, data=Rows(padded=True), max_steps=20)
    done.train()
    found = losses(done)
    assert found[0] > 3  # the mean over what is no padding, of about log 37
    assert found[-1] < 0.7 * found[0]
