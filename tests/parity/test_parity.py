"""Every option against x-transformers 2.31: logits, mems, gradients, and decoding with a cache."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import seq2seq_cases
from parity_cases import CASES, NOT_IN_UPSTREAM
from parity_models import FAMILIES, Pair, build, decode, paddle

from paddle_xformers.config import schema
from paddle_xformers.config.options import ContinuousOptions, NumberOptions, StreamOptions, VisionOptions
from paddle_xformers.convert.table import apply_rules
from paddle_xformers.convert.x_transformers import RULES

TOLERANCE = 1e-5
PARAMETER_TOLERANCE = 5e-5  # sums over all tokens; the worst case seen is 1.7e-5
CACHE_TOLERANCE = 1e-4
PROMPT = 5
ELSEWHERE = (ContinuousOptions, NumberOptions, StreamOptions, VisionOptions)  # families with a file of their own here


PAIRS = [(case, family) for family in FAMILIES for case in CASES if case.is_for(family.name)]


@pytest.fixture(scope="module", params=PAIRS, ids=lambda pair: f"{pair[1].name}-{pair[0].name}")
def pair(request: Any) -> Pair:
    return build(*request.param)


def assert_close(ours: np.ndarray, theirs: np.ndarray, tolerance: float, what: str) -> None:
    assert ours.shape == theirs.shape, what
    difference = np.abs(ours - theirs).max()
    allowed = tolerance * max(1.0, np.abs(theirs).max())
    assert difference <= allowed, f"{what}: differ by {difference:.2e}, allowed {allowed:.2e}"


def test_logits(pair: Pair) -> None:
    ours, theirs = pair.our_result.logits, pair.their_result.logits
    valid = [np.ones_like(pair.inputs.valid)] * (len(ours) - 1) + [pair.inputs.valid]
    for segment, kept in enumerate(valid):
        assert_close(ours[segment][kept], theirs[segment][kept], TOLERANCE, f"logits of segment {segment}")


def test_mems(pair: Pair) -> None:
    ours, theirs = pair.our_result.mems, pair.their_result.mems
    assert len(ours) == len(theirs)
    for segment, (valid, *layers) in enumerate(ours):
        kept = valid > 0  # the rows of padding differ: theirs leave out what attention adds
        for layer, (our_states, their_states) in enumerate(zip(layers, theirs[segment], strict=True)):
            what = f"mems of segment {segment}, layer {layer}"
            assert_close(our_states[kept], their_states[kept], TOLERANCE, what)


def test_input_gradients(pair: Pair) -> None:
    ours = pair.our_result.gradients[f"{pair.family.base}.embeddings.word_embeddings.weight"]
    theirs = pair.their_result.gradients["token_emb.emb.weight"]
    assert np.abs(theirs).max() > 0.01
    assert_close(ours, theirs, TOLERANCE, "gradient of the token embeddings")


def test_parameter_gradients(pair: Pair) -> None:
    if not pair.case.same_parameters:
        return
    options = pair.ours.config.stack_options()
    gradients, offset = pair.their_result.gradients, options.norm.norm_add_unit_offset  # as ours: gradients have none
    theirs = apply_rules(RULES, gradients, options, pair.family.base, unit_offset=offset)
    for name, gradient in theirs.items():
        assert_close(pair.our_result.gradients[name], gradient, PARAMETER_TOLERANCE, name)


def test_decoding_with_a_cache(pair: Pair) -> None:
    if pair.family.name != "decoder":
        return
    earlier = pair.our_result.mems[:-1]
    mems = tuple(map(paddle.to_tensor, earlier[-1])) if earlier else None
    with paddle.no_grad():
        ours = decode(pair.ours, pair.inputs, mems, PROMPT)
    valid = pair.inputs.valid
    assert_close(ours[valid], pair.their_result.logits[-1][valid], CACHE_TOLERANCE, "logits")


def test_every_field_has_a_case_or_a_reason() -> None:
    compared = set().union(*(case.fields for case in CASES), *(case.options for case in seq2seq_cases.CASES))
    fields = set(schema()) - set(schema(ELSEWHERE))
    assert fields - compared - set(NOT_IN_UPSTREAM) == set(), "fields without a case"
    assert compared & set(NOT_IN_UPSTREAM) == set(), "fields with a case and a reason for none"
    assert set(NOT_IN_UPSTREAM) - fields == set(), "reasons for fields that do not exist"
