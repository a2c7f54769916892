"""What PaddleNLP's ModelTesterMixin asks of a model, in our words, of every class and many kinds of model."""

from __future__ import annotations

import inspect
import math

import numpy as np
import paddle

from paddle_xformers.nn.stack import Stack

from ...contracts.subjects.subject import Subject
from .members import BUNDLES, CONFIGS, MEMBERS, each_model, runs


def has_tokens(member) -> bool:
    return "num_tokens" in member.subject.config.fields()


def takes_embeddings(member) -> bool:
    return "inputs_embeds" in inspect.signature(member.model.forward).parameters


def rows(subject: Subject, model, inputs) -> int:
    """How many rows the model sees: those of the batch, or one for each choice."""
    given = inputs[model.main_input_name]
    return given.shape[0] * (given.shape[1] if subject.model.__name__.endswith("ForMultipleChoice") else 1)


def test_there_are_bundles_enough():
    """At least twelve for each family."""
    for config in CONFIGS:
        own = [name for name, fields in BUNDLES.items() if runs(config, fields)]
        assert len(own) >= 12, (config.__name__, own)
    assert {member.subject.config for member in MEMBERS if member.suffix == "Model"} == {
        member.subject.config for member in MEMBERS
    }


@each_model()
def test_the_first_argument_is_the_main_input(subject: Subject, fields):
    arguments = list(inspect.signature(subject.model.forward).parameters)
    assert arguments[1] == subject.model.main_input_name
    assert {"output_attentions", "output_hidden_states", "return_dict"} <= set(arguments)


@each_model()
def test_saving_loading_and_running_again_give_the_same(subject: Subject, fields, tmp_path):
    model = subject.build(fields)
    inputs = subject.feed(model)
    before = subject.numbers(model, inputs)
    np.testing.assert_array_equal(subject.numbers(model, inputs), before)
    model.save_pretrained(tmp_path)
    loaded = subject.model.from_pretrained(tmp_path)
    loaded.eval()
    np.testing.assert_array_equal(subject.numbers(loaded, inputs), before)


@each_model()
def test_tuples_hold_the_values_of_the_output_in_order(subject: Subject, fields):
    model = subject.build(fields)
    inputs = subject.feed(model)
    asked = {"output_attentions": True, "output_hidden_states": True}
    labels = {} if subject.labels is None else subject.labels(inputs)
    output = subject.output(model, {**inputs, **labels}, **asked)
    values = model(**inputs, **labels, **asked)
    left_out = subject.not_beside_labels if labels else ()
    assert type(values) is tuple and len(values) == len([name for name in output if name not in left_out])
    if labels:
        assert values[0].shape == [] and float(values[0]) == float(output.loss)
    first = values[1] if labels else values[0]
    expected = output.to_tuple()[1 if labels else 0]
    for one, other in zip(paddle.utils.flatten(first), paddle.utils.flatten(expected), strict=True):
        np.testing.assert_array_equal(one.numpy(), other.numpy())
    if not fields.get("cross_attend"):
        hidden_states, attentions = (getattr(output, name) for name in subject.states)
        assert [w.shape for w in values[-1]] == [w.shape for w in attentions]
        assert [h.shape for h in values[-2]] == [h.shape for h in hidden_states]
    alone = model(**inputs)
    if len(subject.output(model, inputs).to_tuple()) == 1 and subject.labels is not None:
        assert type(alone) is type(expected)  # and no tuple of one, as PaddleNLP's heads do


@each_model()
def test_attentions_and_hidden_states(subject: Subject, fields):
    model = subject.build(fields)
    inputs = subject.feed(model)
    output = subject.output(model, inputs, output_attentions=True, output_hidden_states=True)
    stack = next(layer for layer in model.sublayers() if isinstance(layer, Stack))
    options, n, b = stack.options, subject.places or subject.length, rows(subject, model, inputs)
    hidden_states, attentions = (getattr(output, name) for name in subject.states)
    assert len(attentions) == sum(step.kind == "a" for step in stack.steps)
    for weights in attentions:
        assert weights.shape == [b, options.attention.heads, n, n]
    assert len(hidden_states) == math.ceil(len(options.order) / options.block_length) + 1
    assert all(states.shape == [b, n, model.config.hidden_size] for states in hidden_states)
    plain = subject.output(model, inputs)
    assert not any(plain.get(name) for name in subject.states)


@each_model(lambda member: member.subject.labels is not None)
def test_a_step_of_training_lowers_the_loss(subject: Subject, fields):
    model = subject.build(fields, redraw=False)
    inputs = subject.feed(model)
    optimizer = paddle.optimizer.AdamW(3e-3, parameters=model.parameters())
    losses = []
    for _ in range(3):
        loss = subject.loss(model, inputs)
        loss.backward()
        optimizer.step()
        optimizer.clear_grad()
        losses.append(float(loss))
    assert np.isfinite(losses).all() and losses[-1] < losses[0]


@each_model(takes_embeddings)
def test_embeddings_in_place_of_ids(subject: Subject, fields):
    model = subject.build(fields)
    inputs = subject.feed(model)
    expected = subject.numbers(model, inputs)
    np.testing.assert_allclose(subject.numbers(model, subject.embedded(model, inputs)), expected, atol=1e-5)


@each_model(has_tokens)
def test_resizing_the_vocabulary(subject: Subject, fields):
    model = subject.build(fields)
    inputs = subject.feed(model)
    inputs["input_ids"] = inputs["input_ids"] % 20

    def result() -> np.ndarray:
        return getattr(subject.output(model, inputs), subject.result).numpy()

    expected, size = result(), model.config.vocab_size
    before = model.get_input_embeddings().weight.numpy()
    for new in (size + 10, size - 15):
        model.resize_token_embeddings(new)
        assert model.config.vocab_size == model.config.num_tokens == new
        kept = min(new, size)
        np.testing.assert_array_equal(model.get_input_embeddings().weight.numpy()[:kept], before[:kept])
        found = result()
        head = model.get_output_embeddings()
        if head is not None:
            assert found.shape[-1] == head.weight.shape[0] == new
            np.testing.assert_allclose(found[..., :kept], expected[..., :kept], atol=1e-5)
        else:
            np.testing.assert_array_equal(found, expected)


@each_model(has_tokens)
def test_a_tied_head_is_the_embedding(subject: Subject, fields):
    model = subject.build(fields, tie_word_embeddings="emb_dim" not in fields)
    head = model.get_output_embeddings()
    if head is not None:
        assert (head.weight is model.get_input_embeddings().weight) == model.config.tie_word_embeddings


@each_model()
def test_head_and_base_checkpoints_convert(subject: Subject, fields, tmp_path):
    """The weights of the base model survive from head to base and from base to head."""
    model = subject.build(fields)
    base_class = type(model.base_model)
    model.save_pretrained(tmp_path / "head")
    base = base_class.from_pretrained(tmp_path / "head")
    base.save_pretrained(tmp_path / "base")
    head = subject.model.from_pretrained(tmp_path / "base")
    kept = model.base_model.state_dict()
    wanted = {name: value.numpy() for name, value in kept.items() if name not in subject.only_with_head}
    for found in (base, head.base_model):
        weights = found.state_dict()
        assert wanted.keys() <= weights.keys()
        for name, value in wanted.items():
            np.testing.assert_array_equal(weights[name].numpy(), value, err_msg=name)
    for parameter in head.parameters():
        assert np.isfinite(parameter.numpy()).all()
