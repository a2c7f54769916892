"""Shapes and losses of the encoder's heads, against the definitions in float64 NumPy."""

from __future__ import annotations

import math

import numpy as np
import paddle
import pytest

from paddle_xformers import (
    ConfigError,
    InputError,
    XEncoderConfig,
    XEncoderForMaskedLM,
    XEncoderForMultipleChoice,
    XEncoderForQuestionAnswering,
    XEncoderForSequenceClassification,
    XEncoderForTokenClassification,
    XEncoderModel,
)

from .small import build, padded, softmax_loss, tokens, types


def test_masked_tokens():
    model = build(XEncoderForMaskedLM)
    ids = tokens(2, 14)
    labels = paddle.where(ids % 3 == 0, ids, paddle.full([1], -100, dtype="int64"))
    loss, logits = model(ids, labels=labels)
    assert logits.shape == [2, 14, 37] and loss.shape == []
    assert float(loss) == pytest.approx(softmax_loss(logits.numpy(), labels.numpy()), rel=1e-5)


def test_the_transform_in_front_of_the_head():
    """BERT's head: linear, GELU, LayerNorm, then the embedding of the tokens and a bias."""
    tied = {"tie_word_embeddings": True, "tie_embedding_scale": 1.0, "logits_bias": True}
    model = build(XEncoderForMaskedLM, lm_head_transform=True, norm_eps=1e-6, **tied)
    ids = tokens(2, 5)
    x = model.xencoder(ids, return_dict=True).last_hidden_state.numpy().astype("float64")
    parts = {name: value.numpy().astype("float64") for name, value in model.state_dict().items()}
    x = x @ parts["transform.dense.weight"] + parts["transform.dense.bias"]
    x = x * np.vectorize(lambda z: (1 + math.erf(z / math.sqrt(2))) / 2)(x)
    x = x - x.mean(-1, keepdims=True)
    x = x / np.sqrt((x * x).mean(-1, keepdims=True) + 1e-6)
    x = x * parts["transform.norm.weight"] + parts["transform.norm.bias"]
    expected = x @ parts["xencoder.embeddings.word_embeddings.weight"].T + parts["lm_head.bias"]
    np.testing.assert_allclose(model(ids).numpy(), expected, atol=1e-5)


@pytest.mark.parametrize("shape", [(3,), (3, 1)])
def test_one_class_for_each_row(shape):
    model = build(XEncoderForSequenceClassification, num_labels=4)
    labels = paddle.to_tensor([3, 0, 2]).reshape(shape)
    loss, logits = model(tokens(3, 9), labels=labels)
    assert logits.shape == [3, 4]
    assert float(loss) == pytest.approx(softmax_loss(logits.numpy(), labels.numpy()), rel=1e-5)


@pytest.mark.parametrize("dtype", ["float32", "int64"])
@pytest.mark.parametrize("problem", [None, "multi_label_classification"])
def test_several_labels(dtype, problem):
    model = build(XEncoderForSequenceClassification, num_labels=4, problem_type=problem)
    labels = paddle.to_tensor([[1, 0, 0, 1], [0, 0, 0, 0], [1, 1, 1, 1]]).astype(dtype)
    loss, logits = model(tokens(3, 9), labels=labels)
    x, y = logits.numpy().astype("float64"), labels.numpy()
    expected = np.mean(np.log1p(np.exp(x)) - x * y)
    assert float(loss) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("outputs", "shape"), [(1, (3,)), (1, (3, 1)), (2, (3, 2))])
def test_regression(outputs, shape):
    problem = None if outputs == 1 else "regression"
    model = build(XEncoderForSequenceClassification, num_labels=outputs, problem_type=problem)
    labels = paddle.to_tensor(np.linspace(-1, 1, 3 * outputs).astype("float32")).reshape(shape)
    loss, logits = model(tokens(3, 9), labels=labels)
    difference = logits.numpy().reshape(3, outputs) - labels.numpy().reshape(3, outputs)
    assert float(loss) == pytest.approx(np.mean(difference**2), rel=1e-5)


def test_the_problem_type_wins_over_what_labels_look_like():
    whole = paddle.to_tensor([1, 0, 2])
    model = build(XEncoderForSequenceClassification, num_labels=1, problem_type="regression")
    loss, logits = model(tokens(3, 9), labels=whole)
    assert float(loss) == pytest.approx(np.mean((logits.numpy()[:, 0] - whole.numpy()) ** 2), rel=1e-5)
    assert model.config.problem_type == "regression"
    unset = build(XEncoderForSequenceClassification, num_labels=1)
    unset(tokens(3, 9), labels=whole)
    assert unset.config.problem_type is None  # a batch does not change the configuration


@pytest.mark.parametrize(
    ("fields", "labels", "message"),
    [
        ({"num_labels": 3}, paddle.zeros([3], "float32"), r"labels has shape \[3\]; multi_label.* needs \(3, 3\)"),
        ({"num_labels": 3}, paddle.zeros([2], "int64"), r"labels has shape \[2\]; single_label.* needs \(3,\)"),
        ({"num_labels": 3}, paddle.full([3], 3, "int64"), "labels holds a number that is no class: allowed is 0 to 2"),
        ({"num_labels": 1}, paddle.zeros([3, 2]), r"labels has shape \[3, 2\]; regression with 1 outputs"),
        (
            {"num_labels": 3, "problem_type": "single_label_classification"},
            paddle.zeros([3], "float32"),
            "labels has dtype paddle.float32; the classes of single_label_classification are int64 or int32",
        ),
    ],
)
def test_labels_that_do_not_go_with_the_problem_are_refused(fields, labels, message):
    model = build(XEncoderForSequenceClassification, **fields)
    with pytest.raises(InputError, match=message):
        model(tokens(3, 9), labels=labels)


@pytest.mark.parametrize("model_class", [XEncoderForSequenceClassification, XEncoderForMultipleChoice])
def test_a_classifier_needs_a_pooler(model_class):
    with pytest.raises(ConfigError, match=f"pooler='none' leaves {model_class.__name__} nothing .*; set pooler to"):
        build(model_class, pooler="none")


def test_one_class_for_each_token():
    model = build(XEncoderForTokenClassification, num_labels=5)
    ids, mask = padded()
    labels = paddle.where(mask > 0, ids % 5, paddle.full([1], -100, dtype="int64"))
    loss, logits = model(ids, attention_mask=mask, labels=labels)
    assert logits.shape == [3, 10, 5]
    assert float(loss) == pytest.approx(softmax_loss(logits.numpy(), labels.numpy()), rel=1e-5)


def test_answers():
    model = build(XEncoderForQuestionAnswering)
    ids = tokens(3, 10)
    start, end = paddle.to_tensor([2, 0, 7]), paddle.to_tensor([[5], [0], [9]])
    loss, starts, ends = model(ids, start_positions=start, end_positions=end)
    assert starts.shape == ends.shape == [3, 10]
    expected = [softmax_loss(x.numpy(), y.numpy()) for x, y in ((starts, start), (ends, end))]
    assert float(loss) == pytest.approx(np.mean(expected), rel=1e-5)
    assert len(model(ids)) == 2 and len(model(ids, start_positions=start)) == 2


def test_answers_out_of_the_row_are_left_out():
    model = build(XEncoderForQuestionAnswering)
    ids, ends = tokens(3, 10), paddle.to_tensor([10, 4, -1])
    loss, _, scores = model(ids, start_positions=ends, end_positions=ends)
    both = model(ids[1:2], start_positions=ends[1:2], end_positions=ends[1:2])[0]
    assert float(loss) == pytest.approx(float(both), rel=1e-5)
    nothing = model(ids, start_positions=ends * 0 + 99, end_positions=ends * 0 + 99)[0]
    assert float(nothing) == 0
    assert scores.shape == [3, 10]


def test_padding_is_never_the_answer_and_has_no_part_in_the_loss():
    model = build(XEncoderForQuestionAnswering)
    ids, mask = padded()
    places = paddle.to_tensor([6, 3, 2])
    loss, starts, ends = model(ids, attention_mask=mask, start_positions=places, end_positions=places)
    assert (starts.numpy()[mask.numpy() == 0] <= -1e4).all() and (ends.numpy()[mask.numpy() == 0] <= -1e4).all()
    alone = []
    for row, (first, last) in enumerate([(4, 10), (0, 10), (0, 7)]):
        place = places[row : row + 1] - first
        alone.append(float(model(ids[row : row + 1, first:last], start_positions=place, end_positions=place)[0]))
    assert float(loss) == pytest.approx(np.mean(alone), rel=1e-5)


@pytest.mark.parametrize("places", [paddle.zeros([2], "int64"), paddle.zeros([3, 2], "int64"), paddle.zeros([3])])
def test_ends_of_answers_that_are_no_places_are_refused(places):
    model = build(XEncoderForQuestionAnswering)
    with pytest.raises(InputError, match="start_positions has (shape|dtype)"):
        model(tokens(3, 10), start_positions=places, end_positions=paddle.zeros([3], "int64"))


def test_choices():
    model = build(XEncoderForMultipleChoice, type_vocab_size=2, pooler="mean")
    ids, labels = tokens(6, 9).reshape([2, 3, 9]), paddle.to_tensor([2, 0])
    kinds = types(6, 9).reshape([2, 3, 9])
    mask = paddle.ones_like(ids)
    mask[1, 2, :4] = 0
    loss, logits = model(ids, token_type_ids=kinds, attention_mask=mask, labels=labels)
    assert logits.shape == [2, 3]
    assert float(loss) == pytest.approx(softmax_loss(logits.numpy(), labels.numpy()), rel=1e-5)
    one = model(ids[1:, 2:, 4:], token_type_ids=kinds[1:, 2:, 4:])
    assert float(one[0, 0]) == pytest.approx(float(logits[1, 2]), abs=1e-5)


def test_all_choices_of_a_question_see_its_context():
    model = build(XEncoderForMultipleChoice, cross_attend=True)
    ids, context = tokens(6, 9).reshape([2, 3, 9]), paddle.randn([2, 5, model.config.dim])
    seen = paddle.to_tensor([[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]])
    logits = model(ids, encoder_hidden_states=context, encoder_attention_mask=seen)
    one = model(ids[1:, 2:], encoder_hidden_states=context[1:, :3])
    assert float(one[0, 0]) == pytest.approx(float(logits[1, 2]), abs=1e-5)


def test_choices_without_their_axis_are_refused():
    model = build(XEncoderForMultipleChoice)
    with pytest.raises(InputError, match=r"input_ids has shape \[2, 9\]; give \(batch, choices, length\)"):
        model(tokens(2, 9))
    with pytest.raises(InputError, match="give either input_ids or inputs_embeds"):
        model()


def test_dropout_of_the_classifier_acts_in_training_only():
    model = build(XEncoderForSequenceClassification, classifier_dropout=0.5)
    ids = tokens(2, 9)
    np.testing.assert_array_equal(model(ids).numpy(), model(ids).numpy())
    model.train()
    assert np.abs(model(ids).numpy() - model(ids).numpy()).max() > 1e-3


def test_token_types():
    model = build(XEncoderModel, type_vocab_size=2)
    ids, kinds = tokens(2, 14), types()
    plain, zeros, typed = (model(ids, k)[0].numpy() for k in (None, kinds * 0, kinds))
    np.testing.assert_array_equal(plain, zeros)
    assert np.abs(plain - typed).max() > 1e-2
    table = model.embeddings.token_type_embeddings.weight
    shifted = model.get_input_embeddings()(ids) + table[kinds] - table[0]
    np.testing.assert_allclose(model(inputs_embeds=shifted)[0].numpy(), typed, atol=1e-5)


@pytest.mark.parametrize(
    ("fields", "kinds", "message"),
    [
        ({}, types(), "token_type_ids has no effect while type_vocab_size=0; set it .*return_token_type_ids=False"),
        ({"type_vocab_size": 2}, types(2, 13), r"token_type_ids has shape \[2, 13\]; .* \(2, 14\)"),
        ({"type_vocab_size": 2}, types().astype("float32"), "token_type_ids has dtype paddle.float32"),
        ({"type_vocab_size": 2}, types() + 1, "token_type_ids holds a number outside its table: allowed is 0 to 1"),
    ],
)
def test_token_types_that_do_not_fit_are_refused(fields, kinds, message):
    with pytest.raises(InputError, match=message):
        build(XEncoderModel, **fields)(tokens(2, 14), kinds)


def test_the_base_model_gives_hidden_states_and_a_vector():
    ids = tokens(2, 14)
    hidden, pooled = build(XEncoderModel)(ids)
    assert hidden.shape == [2, 14, 32] and pooled.shape == [2, 32]
    np.testing.assert_array_equal(pooled.numpy(), hidden.numpy()[:, 0])
    (hidden,) = build(XEncoderModel, pooler="none")(ids)
    assert hidden.shape == [2, 14, 32]


def test_every_token_sees_every_other():
    model = build(XEncoderModel)
    ids = tokens(1, 9)
    changed = ids.clone()
    changed[0, 8] = 3 if int(ids[0, 8]) != 3 else 4
    assert np.abs((model(ids)[0] - model(changed)[0]).numpy()).max(-1).min() > 1e-5


def test_sentence_vectors_have_length_one():
    model = build(XEncoderModel, pooler="mean", pooler_normalize=True)
    ids, mask = padded()
    vectors = model(ids, attention_mask=mask)[1].numpy()
    np.testing.assert_allclose((vectors * vectors).sum(-1), 1, rtol=1e-5)
    again = model(ids[:1, 4:])[1].numpy()
    assert float(vectors[0] @ again[0]) == pytest.approx(1, abs=1e-5)  # cosine of a text with itself


def test_choices_are_scored_with_what_stands_around_them():
    paddle.seed(5)
    sizes = {"num_tokens": 30, "dim": 16, "depth": 1, "heads": 2, "attn_dim_head": 8, "embed_num_tokens": {"kind": 4}}
    model = XEncoderForMultipleChoice(XEncoderConfig(**sizes))
    model.eval()
    ids, kinds = paddle.randint(5, 30, [2, 3, 6]), paddle.randint(0, 4, [2, 3, 6, 1])
    around = {"prepend_embeds": paddle.randn([2, 2, 16]), "prepend_mask": paddle.to_tensor([[0, 1], [1, 1]])}
    added = paddle.randn([2, 3, 6, 16])
    found = model(ids, embed_ids=kinds, sum_embeds=added, **around).numpy()
    for row in range(2):
        front = {name: value[row : row + 1] for name, value in around.items()}
        for choice in range(3):
            own = {"embed_ids": kinds[row, choice].unsqueeze(0), "sum_embeds": added[row, choice].unsqueeze(0)}
            pooled = model.xencoder(ids[row, choice].unsqueeze(0), return_dict=True, **own, **front).pooler_output
            np.testing.assert_allclose(found[row, choice], model.classifier(pooled).numpy()[0, 0], atol=1e-5)
    with pytest.raises(InputError, match="sum_embeds has shape"):
        model(ids, embed_ids=kinds, sum_embeds=added[0])
