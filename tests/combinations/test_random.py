"""Configurations drawn at random over all fields of all families: each is refused by a sentence, or works.

`make test` draws a slice, `make combinations` all 2,000; what ran is printed behind the tests.
"""

from __future__ import annotations

import collections
import os

import pytest

from .drawing import draw
from .outcome import outcome
from .shrinking import report

DRAWN = int(os.environ.get("COMBINATIONS", "100"))
TOGETHER = 10


@pytest.mark.parametrize("first", range(0, DRAWN, TOGETHER))
def test_a_random_configuration_works_or_is_refused(first: int, tmp_path, record_property):
    found: collections.Counter[str] = collections.Counter()
    problems = []
    for seed in range(first, min(first + TOGETHER, DRAWN)):
        subject, values = draw(seed)
        try:
            found[outcome(subject, values, tmp_path / str(seed))] += 1
        except Exception as error:  # collect them all: one run shows every third outcome
            problems.append(f"seed {seed}: " + report(subject, values, str(error)))
    for name, count in found.items():
        record_property(name, count)
    assert not problems, "\n".join(problems)
