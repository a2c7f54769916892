"""The cases of the contracts, made from the declarations: every field with its example values is a case.

Nothing here names an option. A new field adds its cases by being declared; a field without an example fails
`test_every_field_has_a_case`. Nothing here names a family either: those are in `subjects/`. What follows the cases
are small decoders for tests elsewhere.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import XDecoderForCausalLM
from paddle_xformers.config import schema
from paddle_xformers.config.options import TOKEN_GROUPS

from .registered import REGISTERED
from .subjects import SUBJECTS
from .subjects.subject import CONTEXT_LENGTH, SMALL, Subject, context, tokens
from .subjects.xdecoder import DECODER

__all__ = ["CONTEXT_LENGTH", "LENGTH", "PAIRS", "SMALL", "SUBJECTS", "Case", "Subject", "build", "cases_of"]
__all__ += ["each_case", "extras", "logits", "tokens"]

LENGTH = DECODER.length


@dataclass(frozen=True)
class Case:
    """One configuration to hold the contracts against.

    Args:
        name: For the test's name.
        values: Fields beside those of the small model.
        field: The field under test.
        base: `values` without the field under test, for the contract that every option has an effect.
    """

    name: str
    values: dict[str, Any] = dataclasses.field(default_factory=dict)
    field: str = ""
    base: dict[str, Any] = dataclasses.field(default_factory=dict)


def cases_of(subject: Subject) -> list[Case]:
    """The default, and each field with its examples and with registered parts."""
    cases, common = [Case("default")], schema(TOKEN_GROUPS)
    for info in subject.fields().values():
        count = len(info.examples) if subject.every_example or info.name not in common else 1
        registered = REGISTERED.get(info.socket, ())
        if not subject.every_example:
            registered = () if info.examples else registered[:1]
        for example in (*info.examples[:count], *registered):
            around = {**info.needs, **info.beside}
            # Streams and their number only make sense together: without one there is no other.
            base = {} if info.name == "num_residual_streams" else around
            values = {**around, info.name: example}
            shown = example["name"] if isinstance(example, dict) else example
            cases.append(Case(f"{info.name}={shown}".replace(" ", ""), values, info.name, base))
    return cases


PAIRS = [(subject, case) for subject in SUBJECTS for case in cases_of(subject)]


def each_case(wanted: Callable[[Subject], bool] = lambda subject: True) -> Any:
    """Run a contract over every case of the subjects it is about, as arguments `subject` and `case`."""
    pairs = [(subject, case) for subject, case in PAIRS if wanted(subject)]
    chosen = [pytest.param(*pair, id=f"{pair[0].name}-{pair[1].name}") for pair in pairs]
    return pytest.mark.parametrize(("subject", "case"), chosen)


def build(values: dict[str, Any], *, seed: int = 0, redraw: bool = True, **more: Any) -> XDecoderForCausalLM:
    """A small decoder in eval mode; see `Subject.build`."""
    return DECODER.build(values, seed=seed, redraw=redraw, **more)


def extras(model: XDecoderForCausalLM, b: int = 2) -> dict[str, Any]:
    """Further inputs that the configuration asks for: a context for cross attention."""
    return context(model, b)


def logits(model: XDecoderForCausalLM, ids: paddle.Tensor, **kwargs: Any) -> np.ndarray:
    merged = {**extras(model, ids.shape[0]), **kwargs}
    return model(ids, return_dict=True, **merged).logits.numpy()
