"""The encoder's heads as static graphs of any batch and length."""

from __future__ import annotations

import paddle
import pytest
from paddle import inference
from paddle.static import InputSpec

from paddle_xformers import (
    XEncoderForMaskedLM,
    XEncoderForMultipleChoice,
    XEncoderForQuestionAnswering,
    XEncoderForSequenceClassification,
    XEncoderForTokenClassification,
    XEncoderModel,
)

from ..test_export import assert_equal, exported, padded
from .small import build, tokens

OPEN = [None, None]
CASES = {
    "masked lm": (XEncoderForMaskedLM, {}),
    "tokens": (XEncoderForTokenClassification, {"position_bias": "t5"}),
    "answers": (XEncoderForQuestionAnswering, {"rotary_pos_emb": True}),
    "cls": (XEncoderForSequenceClassification, {}),
    "mean": (XEncoderForSequenceClassification, {"pooler": "mean", "pooler_dense": True}),
    "attention": (XEncoderForSequenceClassification, {"pooler": "attention", "num_memory_tokens": 2}),
    "vectors": (XEncoderModel, {"pooler": "mean", "pooler_normalize": True, "position_bias": "alibi"}),
}


@pytest.mark.parametrize(("model_class", "fields"), CASES.values(), ids=CASES)
def test_ids_types_and_mask(tmp_path, model_class, fields):
    model = build(model_class, type_vocab_size=2, **fields)
    spec = [InputSpec(OPEN, "int64", name) for name in ("input_ids", "token_type_ids", "attention_mask")]
    static = exported(build(model_class, type_vocab_size=2, **fields), [*spec[:2], None, spec[2]], tmp_path)
    for b, n in ((2, 14), (3, 30)):
        ids, mask = padded(b, n)
        types = ids % 2
        found, expected = static(ids, types, mask), model(ids, types, attention_mask=mask)
        if isinstance(expected, paddle.Tensor):
            found, expected = [found], [expected]
        for mine, wanted in zip(found, expected, strict=True):
            per_token = mine.shape[:2] == [b, n]
            assert_equal(mine, wanted, mask if per_token else None)


@pytest.mark.parametrize(("model_class", "fields"), CASES.values(), ids=CASES)
def test_the_inference_engine(tmp_path, model_class, fields):
    """Paddle Inference rewrites graphs, and has turned some of them wrong without a word."""
    model = build(model_class, type_vocab_size=2, **fields)
    spec = [InputSpec(OPEN, "int64", name) for name in ("input_ids", "token_type_ids", "attention_mask")]
    exported(build(model_class, type_vocab_size=2, **fields), [*spec[:2], None, spec[2]], tmp_path)
    config = inference.Config(str(tmp_path / "model.json"), str(tmp_path / "model.pdiparams"))
    config.disable_glog_info()
    predictor = inference.create_predictor(config)
    ids, mask = padded(3, 14)
    given = {"input_ids": ids, "token_type_ids": ids % 2, "attention_mask": mask}
    for name in predictor.get_input_names():
        predictor.get_input_handle(name).copy_from_cpu(given[name].numpy())
    predictor.run()
    expected = model(**given)
    expected = [expected] if isinstance(expected, paddle.Tensor) else expected
    for name, wanted in zip(predictor.get_output_names(), expected, strict=True):
        found = paddle.to_tensor(predictor.get_output_handle(name).copy_to_cpu())
        assert_equal(found, wanted, mask if found.shape[:2] == [3, 14] else None)


def test_choices(tmp_path):
    model = build(XEncoderForMultipleChoice)
    static = exported(build(XEncoderForMultipleChoice), [InputSpec([None, None, None], "int64")], tmp_path)
    for b, choices, n in ((2, 3, 9), (1, 4, 5)):
        ids = tokens(b * choices, n).reshape([b, choices, n])
        assert_equal(static(ids), model(ids))
