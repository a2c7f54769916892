"""Every example of the old Paddle port's README runs, gives what it says, and can be trained."""

from __future__ import annotations

import paddle
import pytest

from .readme import EXAMPLES, Example, run, small


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example.name)
def test_example(example: Example):
    variables = run(example.code)
    out = variables["out"]
    assert tuple(out.shape) == tuple(map(small, example.shape))
    (out * paddle.randn(out.shape)).sum().backward()
    models = [variables[name] for name in ("model", "encoder") if name in variables]
    assert [name for model in models for name, value in model.named_parameters() if value.grad is None] == []
