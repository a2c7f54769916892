"""The encoder's heads as static graphs of any batch and length."""

from __future__ import annotations

import paddle
import pytest
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


def test_choices(tmp_path):
    model = build(XEncoderForMultipleChoice)
    static = exported(build(XEncoderForMultipleChoice), [InputSpec([None, None, None], "int64")], tmp_path)
    for b, choices, n in ((2, 3, 9), (1, 4, 5)):
        ids = tokens(b * choices, n).reshape([b, choices, n])
        assert_equal(static(ids), model(ids))
