"""The contracts of docs/architecture.md that are about causality, the cache and generation."""

from __future__ import annotations

import re

import numpy as np
import paddle
import pytest

from paddle_xformers import InputError
from paddle_xformers.nn.attention.cache import Steps, reserve
from paddle_xformers.nn.stack import Stack

from .cases import Case, Subject, each_case

each_cached = each_case(lambda subject: subject.grows is not None)


def steps(model) -> Steps:
    stacks = (layer for layer in model.sublayers() if isinstance(layer, Stack))
    return next(stack for stack in stacks if stack.options.causal).steps


@each_cached
def test_cached_decoding_equals_one_pass(subject: Subject, case: Case):
    model = subject.build(case.values)
    inputs = subject.feed(model)
    whole = subject.numbers(model, inputs)
    for room in (False, True):
        parts, cache, start = [], None, 0
        for size in (5, 1, 1, 3, subject.length - 10):
            piece = subject.part(inputs, start, start + size)
            output = subject.output(model, piece, past_key_values=cache, use_cache=True)
            parts.append(subject.result_of(output).numpy())
            cache = output.past_key_values
            if room:
                cache = reserve(cache, steps(model))
            start += size
        np.testing.assert_allclose(np.concatenate(parts, 1), whole, atol=1e-4)


@each_cached
def test_a_cache_is_a_value(subject: Subject, case: Case):
    """Two continuations of one cache do not disturb each other."""
    model = subject.build(case.values)
    inputs = subject.feed(model, n=6)
    cache = subject.output(model, subject.part(inputs, 0, 4), use_cache=True).past_key_values
    first = subject.numbers(model, subject.part(inputs, 4, 5), past_key_values=cache, use_cache=True)
    subject.output(model, subject.part(inputs, 5, 6), past_key_values=cache, use_cache=True)
    again = subject.numbers(model, subject.part(inputs, 4, 5), past_key_values=cache, use_cache=True)
    np.testing.assert_array_equal(first, again)


@each_case(lambda subject: subject.causal)
def test_later_tokens_change_nothing_before_them(subject: Subject, case: Case):
    model = subject.build(case.values)
    inputs = subject.feed(model)
    name = subject.grows or subject.padded[0]
    changed = inputs[name].clone()
    changed[:, 9:] = (changed[:, 9:] - 3 + 7) % 34 + 3
    before, after = subject.numbers(model, inputs), subject.numbers(model, {**inputs, name: changed})
    np.testing.assert_allclose(before[:, :9], after[:, :9], atol=1e-5)
    assert np.abs(before[:, 9:] - after[:, 9:]).max() > 1e-3


@each_case(lambda subject: subject.generates)
def test_generation_with_a_cache_equals_generation_without(subject: Subject, case: Case):
    model = subject.build(case.values)
    inputs = subject.feed(model)
    try:
        model.check_generates()
    except InputError as reason:  # its outputs are no tokens, and it says so
        with pytest.raises(InputError, match=re.escape(str(reason))):
            model.generate(**inputs, max_new_tokens=5)
        return
    if subject.mask is not None:
        mask = paddle.ones(inputs[subject.padded[0]].shape[:2], dtype="int64")
        mask[0, :4] = 0
        inputs[subject.mask] = mask
    for strategy in (
        {"decode_strategy": "greedy_search"},
        {"decode_strategy": "beam_search", "num_beams": 3},
    ):
        found = [model.generate(**inputs, max_new_tokens=5, use_cache=cached, **strategy) for cached in (True, False)]
        np.testing.assert_array_equal(found[0][0].numpy(), found[1][0].numpy())
        np.testing.assert_allclose(found[0][1].numpy(), found[1][1].numpy(), atol=1e-4)
