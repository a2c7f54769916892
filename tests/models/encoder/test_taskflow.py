"""PaddleNLP's own text_classification task serves the encoder: it wants token types from tokenizer and model."""

from __future__ import annotations

import paddle
import paddlenlp.taskflow.utils
import pytest

from paddle_xformers import XByteTokenizer, XEncoderForSequenceClassification

from .small import build


def test_text_classification(tmp_path, monkeypatch):
    monkeypatch.setattr(paddlenlp.taskflow.utils, "DOWNLOAD_CHECK", True)  # it would phone home otherwise
    tokenizer = XByteTokenizer(model_input_names=["input_ids", "token_type_ids", "attention_mask"])
    fields = {"num_tokens": len(tokenizer), "type_vocab_size": 2, "id2label": {0: "dull", 1: "bright"}}
    model = build(XEncoderForSequenceClassification, **fields)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    try:
        classify = paddlenlp.Taskflow("text_classification", task_path=str(tmp_path), is_static_model=False)
        (found,) = classify(["to be"])
    finally:
        paddle.disable_static()  # where a failing task would leave it
    encoded = tokenizer("to be", return_tensors="pd")
    chances = paddle.nn.functional.softmax(model(**encoded)).numpy()[0]
    (best,) = found["predictions"]
    assert best["label"] == ("dull", "bright")[chances.argmax()]
    assert best["score"] == pytest.approx(chances.max(), abs=1e-5)
