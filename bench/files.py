"""Writes the results to disk. A file is replaced as a whole or left as it was."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from bench.chart import draw
from bench.report import replace_between_markers

BENCH = Path(__file__).resolve().parent
RESULTS = BENCH / "results"
README = BENCH / "README.md"


def write_results(results: dict[str, Any], table: str, folder: Path = RESULTS) -> None:
    """Write latest.json, latest.md and latest.png.

    Args:
        results: The measured results.
        table: The same as Markdown.
        folder: Where to; made when missing.
    """
    folder.mkdir(parents=True, exist_ok=True)
    as_json = json.dumps(results, indent=1) + "\n"
    replace_file(folder / "latest.json", lambda path: path.write_text(as_json, encoding="utf-8"))
    replace_file(folder / "latest.md", lambda path: path.write_text(table, encoding="utf-8"))
    replace_file(folder / "latest.png", lambda path: draw(results, path))


def write_readme(table: str, readme: Path = README) -> None:
    """Put a table between the markers of a README.

    Args:
        table: The Markdown to put there.
        readme: The file.

    Raises:
        ValueError: The markers are not as `replace_between_markers` needs them; the file stays as it was.
    """
    text = replace_between_markers(readme.read_text(encoding="utf-8"), table)
    replace_file(readme, lambda path: path.write_text(text, encoding="utf-8"))


def replace_file(path: Path, write: Callable[[Path], Any]) -> None:
    """Write a file through a temporary one beside it.

    Args:
        path: The file that is made or replaced once `write` has succeeded.
        write: Called with the path of the temporary file, which has the same suffix.
    """
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=path.suffix)
    os.close(handle)
    temporary = Path(name)
    try:
        write(temporary)
        temporary.chmod(0o644)  # mkstemp makes it private
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
