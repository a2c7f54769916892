"""Every two fields together: they either work, or are refused by a sentence that names them.

The pairs are made from the declarations, so that a new field meets all others by being declared.
"""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import paddle
import pytest

from paddle_xformers import ConfigError, XDecoderConfig, XDecoderForCausalLM

from ..contracts.cases import SMALL, build, extras, tokens

# Fields of cross attention repeat those of self attention; what changes the sizes of SMALL is no option.
FIELDS = [
    info
    for info in XDecoderConfig.fields().values()
    if info.examples and info.name not in SMALL and not info.name.startswith("cross_attn_")
]
NAMES = [info.name for info in FIELDS]
LENGTH = 8


def values_of(*infos: Any) -> dict[str, Any]:
    """The fields' first examples, with what these need and make sense with."""
    around = [{**info.needs, **info.beside} for info in infos]
    merged = {name: value for values in around for name, value in values.items()}
    return {**merged, **{info.name: info.examples[0] for info in infos}}


def named(message: str, info: Any) -> bool:
    """Whether a sentence names a field, or one that its example brings with it."""
    return any(f"{name}=" in message for name in values_of(info))


def assert_works(values: dict[str, Any], folder: Any) -> None:
    """One model: forward and backward, decoding with a cache, saving and loading."""
    model = build(values)
    ids = tokens(n=LENGTH)
    more = extras(model)
    output = model(ids, labels=ids, return_dict=True, **more)
    whole = output.logits.numpy()
    assert np.isfinite(whole).all()
    output.loss.backward()
    broken = [n for n, p in model.named_parameters() if p.grad is None or not np.isfinite(p.grad.numpy()).all()]
    assert not broken
    with paddle.no_grad():
        parts, cache = [], None
        for piece in (ids[:, :5], ids[:, 5:6], ids[:, 6:]):
            step = model(piece, past_key_values=cache, use_cache=True, return_dict=True, **more)
            parts.append(step.logits.numpy())
            cache = step.past_key_values
        np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-4)
        model.save_pretrained(folder)
        loaded = XDecoderForCausalLM.from_pretrained(folder)
        loaded.eval()
        np.testing.assert_array_equal(loaded(ids, return_dict=True, **more).logits.numpy(), whole)


@pytest.mark.parametrize("first", FIELDS[:-1], ids=NAMES[:-1])
def test_a_field_with_each_later_one(first: Any, tmp_path):
    problems = []
    for second in FIELDS[FIELDS.index(first) + 1 :]:
        values = values_of(first, second)
        try:
            XDecoderConfig(**{**SMALL, **values}).validate()
        except ConfigError as error:
            if not (named(str(error), first) and named(str(error), second)):
                problems.append(f"{second.name} is refused without naming both: {error}")
            continue
        try:
            assert_works(values, tmp_path / second.name)
        except Exception as error:  # collect them all: one run shows every pair that fails
            problems.append(f"{second.name}: {type(error).__name__}: {str(error)[:300]}")
    assert not problems, "\n".join([f"{first.name} with", *problems])


def test_most_pairs_work():
    """The rules refuse what excludes each other, and no more than that."""
    refused = []
    for first, second in itertools.combinations(FIELDS, 2):
        try:
            XDecoderConfig(**{**SMALL, **values_of(first, second)}).validate()
        except ConfigError:
            refused.append((first.name, second.name))
    assert len(refused) < 0.1 * len(NAMES) * (len(NAMES) - 1) / 2, refused
