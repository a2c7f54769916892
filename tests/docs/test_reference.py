"""The generated pages are up to date, every field is explained, and links lead somewhere."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from paddle_xformers.config import misspelt, schema
from paddle_xformers.config.options import ALL_GROUPS
from paddle_xformers.config.spelling import BY_KEYWORD

from .pages import PAGES, ROOT, anchors, links, name_of, prose

FIELDS = schema(ALL_GROUPS)


@pytest.fixture(scope="module")
def generate() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_generated_pages_are_not_stale(generate):
    assert generate.stale() == [], "run make docs"


def test_writing_makes_stale_pages_new(generate, tmp_path):
    assert generate.stale(tmp_path) == list(generate.pages())
    generate.write(tmp_path)
    assert generate.stale(tmp_path) == []
    (tmp_path / "fields.md").write_text("old", encoding="utf-8")
    assert generate.stale(tmp_path) == ["fields.md"]
    generate.write(tmp_path / "new" / "folder")
    assert sorted(path.name for path in (tmp_path / "new" / "folder").iterdir()) == sorted(generate.pages())


def test_check_tells_and_writes_nothing(generate, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(generate, "stale", lambda: ["fields.md"])
    monkeypatch.setattr(generate, "write", lambda: pytest.fail("--check wrote"))
    assert generate.main(["--check"]) == 1
    assert "docs/reference/fields.md is stale: run make docs" in capsys.readouterr().err
    monkeypatch.setattr(generate, "stale", lambda: [])
    assert generate.main(["--check"]) == 0


def test_a_failed_write_leaves_the_old_page_and_nothing_else(generate, tmp_path, monkeypatch):
    generate.write(tmp_path)
    before = {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()}

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(generate.os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        generate.write(tmp_path)
    assert {path.name: path.read_text(encoding="utf-8") for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("info", FIELDS.values(), ids=FIELDS)
def test_every_field_is_explained(info):
    assert re.fullmatch(r"[^\n|]*[.)]", info.meaning), "one line, a sentence"
    assert len(info.meaning) > len("A share.")
    assert info.type_name
    assert info.allowed
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)+", info.feature)
    assert info.group.endswith("Options")


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path):
    for link in links(page):
        target, _, anchor = link.partition("#")
        place = (page.parent / target).resolve() if target else page
        assert place.exists(), f"{link} leads nowhere"
        assert ROOT in [place, *place.parents], f"{link} leaves the project"
        if anchor:
            assert anchor in anchors(place), f"{link}: {name_of(place)} has no such heading"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_make_targets_that_are_named_exist(page: Path):
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z]+):", makefile, re.MULTILINE))
    named = set(re.findall(r"(?:`|^)make ([a-z]+)\b", page.read_text(encoding="utf-8"), re.MULTILINE))
    assert named <= targets


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_fields_that_are_set_in_prose_exist(page: Path):
    """`name=value` in backticks may be anybody's argument, but not a field of ours that is misspelt or gone."""
    known = {*FIELDS, *BY_KEYWORD}
    named = set(re.findall(r"`([a-z_]+)=[^`=]*`", prose(page))) - known
    assert [sentence for sentence in (misspelt(name, known) for name in named) if sentence] == []
