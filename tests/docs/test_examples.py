"""Every Python block of the README and of docs/ runs as it stands; the blocks of one page share their names."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from .pages import PAGES, ROOT, examples, name_of

WITH_EXAMPLES = [page for page in PAGES if examples(page)]
# What these pages show changes the whole process.
OWN_PROCESS = {
    *("docs/cpu.md", "docs/extending.md", "docs/features/attention-scores.md", "docs/features/embeddings.md"),
}


def source_of(page: Path) -> str:
    """All blocks of a page in one program, each at the line where it stands, for tracebacks."""
    program = ""
    for line, block in examples(page):
        program += "\n" * (line - program.count("\n")) + block
    return program


def test_the_main_pages_have_examples():
    names = {name_of(page) for page in WITH_EXAMPLES}
    assert {"README.md", "docs/masks.md", "docs/generation.md", "docs/checkpoints.md", "docs/cpu.md"} <= names
    assert {"docs/serving.md", "docs/images.md", "docs/encoder.md"} <= names
    assert {"docs/features/README.md", "docs/features/attention.md", "docs/features/families.md"} <= names


@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_the_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: Any):
    monkeypatch.chdir(tmp_path)
    if name_of(page) in OWN_PROCESS:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        command = [sys.executable, "-c", source_of(page)]
        result = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        assert result.returncode == 0, result.stderr
    else:
        exec(compile(source_of(page), str(page), "exec"), {"__name__": "__main__"})
