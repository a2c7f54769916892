"""The decoder that classifies sequences: it reads the last token, whatever side padding is on."""

from __future__ import annotations

import numpy as np
import paddle
import pytest

from paddle_xformers import XDecoderConfig, XDecoderForCausalLM, XDecoderForSequenceClassification

from ...contracts.subjects.subject import SMALL, redraw_parameters, tokens
from ..encoder.small import softmax_loss


def build(**fields) -> XDecoderForSequenceClassification:
    model = XDecoderForSequenceClassification(XDecoderConfig(**{**SMALL, **fields}))
    redraw_parameters(model)
    model.eval()
    return model


@pytest.mark.parametrize("fields", [{}, {"rotary_pos_emb": True}, {"num_memory_tokens": 2}], ids=str)
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_last_token_counts(fields, side):
    model = build(num_labels=3, **fields)
    ids, mask = tokens(3, 10), paddle.ones([3, 10], dtype="int64")
    lengths = (10, 6, 1)
    for row, length in enumerate(lengths):
        mask[row, :] = 0
        mask[row, slice(10 - length, 10) if side == "left" else slice(0, length)] = 1
    logits = model(ids, mask)
    assert logits.shape == [3, 3]
    for row, length in enumerate(lengths):
        place = slice(10 - length, 10) if side == "left" else slice(0, length)
        alone = ids[row : row + 1, place]
        np.testing.assert_allclose(logits[row].numpy(), model(alone)[0].numpy(), atol=1e-5)
        hidden = model.xdecoder(alone, return_dict=True).last_hidden_state[0, -1].numpy()
        np.testing.assert_allclose(logits[row].numpy(), hidden @ model.score.weight.numpy(), atol=1e-5)


def test_losses():
    model = build(num_labels=3)
    labels = paddle.to_tensor([2, 0])
    loss, logits = model(tokens(2, 9), labels=labels)
    assert float(loss) == pytest.approx(softmax_loss(logits.numpy(), labels.numpy()), rel=1e-5)
    model = build(num_labels=1)
    loss, logits = model(tokens(2, 9), labels=paddle.to_tensor([0.5, -1.0]))
    assert float(loss) == pytest.approx(np.mean((logits.numpy()[:, 0] - [0.5, -1.0]) ** 2), rel=1e-5)


def test_a_language_model_becomes_a_classifier(tmp_path):
    language = XDecoderForCausalLM(XDecoderConfig(**SMALL))
    language.save_pretrained(tmp_path)
    model = XDecoderForSequenceClassification.from_pretrained(tmp_path, num_labels=4)
    for name, value in language.xdecoder.state_dict().items():
        np.testing.assert_array_equal(model.xdecoder.state_dict()[name].numpy(), value.numpy(), err_msg=name)
    assert model.score.weight.shape == [32, 4]
    assert not model.can_generate()
