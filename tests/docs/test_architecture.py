"""What docs/architecture.md says of rooms and contracts is so."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import paddle_xformers

from .pages import ROOT

PACKAGE = Path(paddle_xformers.__file__).parent
PAGE = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")

# Room -> the rooms it may import from. Every room may use errors.py and _compat.py.
ALLOWED = {
    "config": set(),
    "nn": {"config"},
    "models": {"config", "nn"},
    "tokenizers": set(),
    "convert": {"config", "nn", "models"},
    "serving": {"config", "nn", "models", "tokenizers"},
    "wrappers": {"config", "nn", "models"},
}
FORBIDDEN = {
    "config": {"paddle", "paddlenlp", "numpy"},
    "nn": {"paddlenlp"},
}


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports, at whatever depth."""
    found = set()
    package = ["paddle_xformers", *path.relative_to(PACKAGE).parts[:-1]]
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            found.add(".".join([*above, *([node.module] if node.module else [])]))
    return found


def room_of(module: str) -> str | None:
    parts = module.split(".")
    return parts[1] if parts[0] == "paddle_xformers" and len(parts) > 1 else None


FILES = [path for room in ALLOWED for path in sorted((PACKAGE / room).rglob("*.py"))]


def test_every_room_is_known_and_drawn():
    rooms = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == set(ALLOWED), "a new room needs a line in ALLOWED and in docs/architecture.md"
    assert [room for room in rooms if f"`{room}/`" not in PAGE] == []


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_imports_run_one_way(path: Path):
    room = path.relative_to(PACKAGE).parts[0]
    modules = imports(path)
    rooms = {room_of(module) for module in modules} & set(ALLOWED)
    assert rooms <= {room, *ALLOWED[room]}
    assert {module.partition(".")[0] for module in modules} & FORBIDDEN.get(room, set()) == set()


def test_the_page_lists_the_contracts_as_they_run():
    code = "".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "tests" / "contracts").glob("*.py")))
    run = set(re.findall(r"^def (test_\w+)", code, re.MULTILINE))
    listed = set(re.findall(r"`(test_\w+)`", PAGE))
    assert run - listed == set(), "contracts that docs/architecture.md does not list"
    assert listed - run == set(), "contracts that do not exist"


def test_files_that_the_page_names_exist():
    named = set(re.findall(r"`((?:config|nn|models|tokenizers|convert|serving|tests|docs)/[\w/.]*)`", PAGE))
    assert named
    assert [name for name in named if not (PACKAGE / name).exists() and not (ROOT / name).exists()] == []
