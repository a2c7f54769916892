"""The page of proofs names fields, cases and tests that exist, and leaves no feature without any."""

from __future__ import annotations

import importlib.util
import re
from types import ModuleType
from typing import Any

import pytest

from paddle_xformers.config.field import value_problem

from .pages import ROOT


@pytest.fixture(scope="module")
def proofs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate_for_proofs", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    import proofs as found

    return found


@pytest.fixture(scope="module")
def rows(proofs: ModuleType) -> dict[str, list[str]]:
    """Cells of the page's rows by feature: fields, contract cases, parity cases, other tests."""
    lines = [line for line in proofs.features_as_markdown().splitlines() if line.startswith("| `")]
    cells = [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return {feature.strip("`"): rest for feature, *rest in cells}


def test_every_declared_field_is_listed_with_its_cases(proofs: ModuleType, rows: dict[str, list[str]]) -> None:
    listed = {name.partition("=")[0] for fields, *_ in rows.values() for name in re.findall(r"`([^`]+)`", fields)}
    assert set(proofs._every_field()) - listed <= {name for name, _ in proofs.CHOICES.values()}
    assert [feature for feature, (fields, cases, *_) in rows.items() if fields and not cases] == []


def test_every_feature_is_proven_somewhere(rows: dict[str, list[str]]) -> None:
    assert [feature for feature, (_, cases, parity, other) in rows.items() if not (cases or parity or other)] == []


def test_every_feature_of_the_list_has_a_row(rows: dict[str, list[str]]) -> None:
    lines = (ROOT / "tests" / "docs" / "features.txt").read_text(encoding="utf-8").splitlines()
    wanted = [line for line in lines if line and not line.startswith("#")]
    assert len(wanted) == len(set(wanted)) > 150
    assert [feature for feature in wanted if not any(rows.get(feature, ()))] == []


def test_choices_are_values_of_their_fields(proofs: ModuleType) -> None:
    known = proofs._every_field()
    for feature, (name, value) in proofs.CHOICES.items():
        assert name in known, feature
        assert value_problem(known[name], value) is None, feature


def test_tests_that_are_named_exist(rows: dict[str, list[str]]) -> None:
    named = {test for *_, other in rows.values() for test in re.findall(r"`([^`]+)`", other)}
    assert named
    contracts = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests" / "contracts").glob("*.py"))
    assert [test for test in named if test.startswith("tests/") and not (ROOT / test).is_file()] == []
    assert [test for test in named if not test.startswith("tests/") and f"def {test}(" not in contracts] == []


def test_a_choice_counts_where_it_is_set_or_the_default(proofs: ModuleType) -> None:
    info = proofs._every_field()["norm"]
    default, other = proofs.Part(info, info.default), proofs.Part(info, "scalenorm")
    assert default.contract_cases == ["default"] and other.contract_cases == ["norm=scalenorm"]
    assert default.is_set_by({}) and not other.is_set_by({}) and other.is_set_by({"norm": "scalenorm"})
    whole: Any = proofs.Part(info)
    assert not whole.is_set_by({}) and whole.is_set_by({"norm": "layernorm"})


def test_long_lists_are_cut(proofs: ModuleType) -> None:
    class Case:
        upstream: dict[str, Any] = {"ff_glu": True}
        wrapper: dict[str, Any] = {}
        ours: dict[str, Any] = {}

        def __init__(self, number: int) -> None:
            self.name = str(number)

    part = proofs.Part(proofs._every_field()["ff_glu"])
    assert len(proofs._parity_names([part], [Case(i) for i in range(proofs.MOST_NAMES)])) == proofs.MOST_NAMES
    cut = proofs._parity_names([part], [Case(i) for i in range(50)])
    assert len(cut) == proofs.MOST_NAMES + 1 and cut[-1] == "and more"
