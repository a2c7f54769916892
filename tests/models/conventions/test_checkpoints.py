"""Every class comes back from every kind of folder that PaddleNLP writes, whole, in part, and in other precision."""

from __future__ import annotations

from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers.errors import XFormersError
from paddle_xformers.nn.stack import Stack

from ...contracts.subjects.subject import Subject, weighted
from ..small import assert_same_weights, weights
from .members import MEMBERS, spelt

each_class = pytest.mark.parametrize(
    "subject", [member.subject for member in MEMBERS], ids=[member.model.__name__ for member in MEMBERS]
)
FORMS: dict[str, dict[str, Any]] = {
    "safetensors": {},
    "pdparams": {"safe_serialization": False},
    "shards": {"max_shard_size": "70KB"},
    "pdparams in shards": {"safe_serialization": False, "max_shard_size": "70KB"},
}


def fields_of(subject: Subject, **fields: Any) -> dict[str, Any]:
    """The fields as the family spells them; those it lacks are left out."""
    return {own: v for name, value in fields.items() for own, v in (spelt(subject.config, {name: value}) or {}).items()}


def loaded(subject: Subject, folder: Any, **kwargs: Any) -> Any:
    model = subject.model.from_pretrained(folder, **kwargs)
    model.eval()
    return model


@each_class
@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_every_form_of_a_checkpoint(subject: Subject, form, tmp_path):
    model = subject.build(fields_of(subject, tie_word_embeddings=True, num_memory_tokens=2))
    model.save_pretrained(tmp_path, **form)
    names = {path.name for path in tmp_path.iterdir()}
    ending = ".pdparams" if "safe_serialization" in form else ".safetensors"
    assert any(name.endswith(f"{ending}.index.json") for name in names) == ("max_shard_size" in form)
    assert sum(name.endswith(ending) for name in names) == 1 or "max_shard_size" in form
    inputs = subject.feed(model)
    for low_memory in (False, True):
        found = loaded(subject, tmp_path, low_cpu_mem_usage=low_memory)
        assert_same_weights(found, model)
        assert found.missing_weights == ()
        np.testing.assert_array_equal(subject.numbers(found, inputs), subject.numbers(model, inputs))


@each_class
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_another_precision(subject: Subject, dtype, tmp_path):
    model = subject.build({})
    model.save_pretrained(tmp_path)
    half = loaded(subject, tmp_path, dtype=dtype)
    assert {parameter.dtype for parameter in half.parameters()} == {getattr(paddle, dtype)}
    half.save_pretrained(tmp_path)
    whole = loaded(subject, tmp_path, dtype="float32")
    expected = weights(model)
    for name, value in weights(whole).items():
        assert value.dtype == np.float32
        np.testing.assert_allclose(value, expected[name], rtol=2**-7, atol=1e-3, err_msg=name)


@each_class
@pytest.mark.parametrize("low_memory", [False, True])
def test_weights_that_are_missing(subject: Subject, low_memory, tmp_path):
    """A deeper model takes what there is; the rest has initial values, and is named."""
    model = subject.build({})
    model.save_pretrained(tmp_path)
    deeper = loaded(subject, tmp_path, low_cpu_mem_usage=low_memory, **fields_of(subject, depth=3))
    found, expected = weights(deeper), weights(model)
    new = found.keys() - expected.keys()
    assert new and all("stack.layers." in name for name in new)
    assert set(deeper.missing_weights) == new
    for name, value in found.items():
        assert np.isfinite(value).all(), name
        if name in expected:
            np.testing.assert_array_equal(value, expected[name], err_msg=name)
    assert np.isfinite(subject.numbers(deeper, subject.feed(deeper))).all()


@each_class
def test_weights_of_other_shapes(subject: Subject, tmp_path):
    """Refused with both shapes, or left at initial values if the caller says so."""
    model = subject.build({})
    model.save_pretrained(tmp_path)
    wider = fields_of(subject, ff_dim=96)
    with pytest.raises(XFormersError, match="ignore_mismatched_sizes") as caught:
        loaded(subject, tmp_path, **wider)
    assert "32, 96" in str(caught.value) and "32, 128" in str(caught.value)
    found, expected = weights(loaded(subject, tmp_path, ignore_mismatched_sizes=True, **wider)), weights(model)
    assert found.keys() == expected.keys()
    for name, value in found.items():
        if value.shape == expected[name].shape:
            np.testing.assert_array_equal(value, expected[name], err_msg=name)
        else:
            assert ".ff." in name and np.isfinite(value).all() and np.abs(value).max() > 0


@each_class
def test_recompute_is_turned_on_and_off(subject: Subject):
    gradients = []
    for on in (False, True):
        model = subject.build({})
        stacks = [layer for layer in model.sublayers() if isinstance(layer, Stack)]
        if on:
            model.recompute_enable()
        assert stacks and all(bool(stack.enable_recompute) == on for stack in stacks)
        model.train()
        inputs = subject.feed(model)
        bare = model.base_model is model
        loss = weighted(subject.result_of(subject.output(model, inputs))) if bare else subject.loss(model, inputs)
        loss.backward()
        gradients.append({name: p.grad.numpy() for name, p in model.named_parameters() if p.grad is not None})
        model.recompute_disable()
        assert not any(stack.enable_recompute for stack in stacks)
    assert gradients[0].keys() == gradients[1].keys() and gradients[0]
    for name, gradient in gradients[0].items():
        np.testing.assert_allclose(gradients[1][name], gradient, atol=1e-5, err_msg=name)
