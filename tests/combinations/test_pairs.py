"""Every two fields together: they either work, or are refused by a sentence that names them.

The pairs are made from the declarations, so that a new field meets all others by being declared. Fields that go
together are tried together, many pairs in one model; of a model that fails the fewest fields are named that do.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Iterable
from typing import Any

import numpy as np
import pytest

from paddle_xformers import ConfigError, XDecoderConfig
from paddle_xformers.config import FieldInfo, validate

from ..contracts.subjects.subject import SMALL
from ..contracts.subjects.xdecoder import DECODER
from .drawing import joined, values_of
from .outcome import RAN, outcome
from .shrinking import report

# Fields of cross attention repeat those of self attention; what changes the sizes of SMALL is no option.
FIELDS = {
    info.name: info
    for info in XDecoderConfig.fields().values()
    if info.examples and info.name not in SMALL and not info.name.startswith("cross_attn_")
}
# Fields in one model, at most.
MOST = 14
PARTS = 8

Pair = frozenset[str]


def example_of(name: str) -> dict[str, Any]:
    return values_of(FIELDS[name], FIELDS[name].examples[0])


def together(names: Iterable[str]) -> dict[str, Any]:
    """The first examples of fields with what they need, and what they make sense with where that is left open."""
    infos = [FIELDS[name] for name in names]
    values = {name: value for info in infos for name, value in info.beside.items()}
    values |= {name: value for info in infos for name, value in info.needs.items()}
    return values | {info.name: info.examples[0] for info in infos}


def refusal(names: Iterable[str]) -> str | None:
    """Why fields do not go together; None: they do."""
    every = {name: info.default for name, info in XDecoderConfig.fields().items()}
    try:
        validate({**every, **SMALL, **together(names)}, XDecoderConfig.fields())
    except ConfigError as error:
        return str(error)
    return None


@functools.cache
def refusals() -> dict[Pair, str | None]:
    return {frozenset(pair): refusal(pair) for pair in itertools.combinations(FIELDS, 2)}


@functools.cache
def packs() -> tuple[tuple[str, ...], ...]:
    """Sets of fields that go together, such that every two that do are in one of them."""
    rng = np.random.default_rng(0)
    left = {pair for pair, why in refusals().items() if why is None}
    result = []
    while left:
        pack = sorted(min(left, key=sorted))
        while len(pack) < MOST:
            gains = {
                name: sum(frozenset((name, other)) in left for other in pack)
                for name in FIELDS
                if name not in pack and all(refusals()[frozenset((name, other))] is None for other in pack)
            }
            order = sorted(gains, key=lambda name: (-gains[name], rng.random()))
            fitting = (name for name in order if gains[name] and joins(name, pack))
            chosen = next(fitting, None)
            if chosen is None:
                break
            pack.append(chosen)
        left -= {frozenset(pair) for pair in itertools.combinations(pack, 2)}
        result.append(tuple(pack))
    return tuple(result)


def joins(name: str, pack: list[str]) -> bool:
    """Whether a field goes with all of some others at once."""
    return joined(map(example_of, [*pack, name])) is not None and refusal([*pack, name]) is None


@pytest.mark.parametrize("part", range(PARTS))
def test_every_two_fields_that_go_together_work(part: int, tmp_path):
    problems = []
    for index, pack in enumerate(packs()[part::PARTS]):
        values = together(pack)
        try:
            assert outcome(DECODER, values, tmp_path / str(index)) == RAN
        except Exception as error:  # collect them all: one run shows every combination that fails
            problems.append(report(DECODER, values, str(error)))
    assert not problems, "\n".join(problems)


def named(message: str, info: FieldInfo) -> bool:
    """Whether a sentence names a field, or one that its example brings with it."""
    return any(f"{name}=" in message for name in values_of(info, None))


def test_every_pair_is_covered_or_refused_by_name():
    covered = {frozenset(pair) for pack in packs() for pair in itertools.combinations(pack, 2)}
    for pair, why in refusals().items():
        if why is None:
            assert pair in covered
        else:
            assert all(named(why, FIELDS[name]) for name in pair), f"{sorted(pair)}: {why}"


def test_most_pairs_work():
    """The rules refuse what excludes each other, and no more than that."""
    refused = [sorted(pair) for pair, why in refusals().items() if why is not None]
    assert len(refused) < 0.1 * len(refusals()), refused
