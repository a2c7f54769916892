"""Every class as a static graph that equals the dynamic model, loaded by Paddle and by Paddle Inference on a CPU."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
import paddle
import pytest
from paddle.static import InputSpec

from ...contracts.subjects.subject import Subject
from .members import MEMBERS, spelt

BUNDLES: dict[str, dict[str, Any]] = {
    "default": {},
    "llama": {"rotary_pos_emb": True, "attn_kv_heads": 2, "ff_glu": True, "norm": "rmsnorm"},
}
CASES = [
    pytest.param(member.subject, spelt(member.subject.config, fields), id=f"{member.model.__name__}-{name}")
    for member in MEMBERS
    for name, fields in BUNDLES.items()
]


# The axis of any length beside the first, where it is not the second: images have none, nor have their patches.
OPEN_AXIS = {"XEncoderForMultipleChoice": {"input_ids": 2}, "XViTForMaskedImageModeling": {"bool_masked_pos": None}}


def spec_of(model: Any, name: str, value: paddle.Tensor) -> InputSpec:
    """Batches of any size and length."""
    axis = OPEN_AXIS.get(type(model).__name__, {}).get(name, 1 if value.ndim < 4 else None)
    shape = [None if at in (0, axis) else size for at, size in enumerate(value.shape)]
    return InputSpec(shape, str(value.dtype).removeprefix("paddle."), name)


def specs(model: Any, inputs: dict[str, paddle.Tensor]) -> list[InputSpec | None]:
    """One entry for each argument of forward up to the last that is given."""
    names = [name for name in inspect.signature(type(model).forward).parameters if name != "self"]
    last = max(names.index(name) for name in inputs)
    return [spec_of(model, name, inputs[name]) if name in inputs else None for name in names[: last + 1]]


@pytest.mark.parametrize(("subject", "fields"), CASES)
def test_the_exported_graph_equals_the_model(subject: Subject, fields, tmp_path):
    from paddle import inference

    model = subject.build(fields)
    sizes = [(2, subject.length), (1, subject.length - 3)]
    batches = [subject.feed(model, b, n) for b, n in sizes]
    names = [name for name in inspect.signature(subject.model.forward).parameters if name in batches[0]]
    traced = subject.build(fields)
    static = paddle.jit.to_static(traced, input_spec=specs(traced, batches[0]), full_graph=True)
    paddle.jit.save(static, str(tmp_path / "model"))
    graph = paddle.jit.load(str(tmp_path / "model"))
    config = inference.Config(str(tmp_path / "model.json"), str(tmp_path / "model.pdiparams"))
    config.disable_glog_info()
    predictor = inference.create_predictor(config)
    for batch in batches:
        expected = [part.numpy() for part in paddle.utils.flatten(subject.output(model, batch).to_tuple())]
        found = [part.numpy() for part in paddle.utils.flatten(graph(*(batch[name] for name in names)))]
        for name in names:
            predictor.get_input_handle(name).copy_from_cpu(batch[name].numpy())
        predictor.run()
        served = [predictor.get_output_handle(name).copy_to_cpu() for name in predictor.get_output_names()]
        assert len(found) == len(served) == len(expected)
        for one, two, three in zip(expected, found, served, strict=True):
            np.testing.assert_allclose(two, one, atol=1e-5)
            np.testing.assert_allclose(three, one, atol=1e-4)
