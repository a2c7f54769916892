"""Write the pages of docs/reference/ from the declarations, or check that they are up to date.

python docs/generate.py            write them
python docs/generate.py --check    write nothing; exit 1 if one is stale
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))  # loaded by its path, a file sees no neighbours

from proofs import features_as_markdown

from paddle_xformers.config import CAPTION, SEQ2SEQ, schema
from paddle_xformers.config.presets.page import presets_as_markdown
from paddle_xformers.config.reference import as_markdown, rules_as_markdown

FOLDER = Path(__file__).resolve().parent / "reference"


def pages() -> dict[str, str]:
    """Content of every generated page by file name."""
    return {
        "fields.md": as_markdown(schema(), {"XSeq2Seq": SEQ2SEQ, "XCaption": CAPTION}),
        "compatibility.md": rules_as_markdown([SEQ2SEQ, CAPTION]),
        "features.md": features_as_markdown(),
        "presets.md": presets_as_markdown(),
    }


def stale(folder: Path = FOLDER) -> list[str]:
    """Names of the pages that are missing or differ from the declarations."""
    found = []
    for name, content in pages().items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != content:
            found.append(name)
    return found


def write(folder: Path = FOLDER) -> None:
    """Write every page, each whole or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in pages().items():
        _replace(folder / name, content)


def _replace(path: Path, content: str) -> None:
    handle, aside = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(content)
        os.chmod(aside, 0o644)  # mkstemp makes files that only their owner reads
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the generated pages of docs/reference/.")
    parser.add_argument("--check", action="store_true", help="only tell whether a page is stale")
    given = parser.parse_args(arguments)
    old = stale()
    if given.check:
        for name in old:
            print(f"docs/reference/{name} is stale: run make docs", file=sys.stderr)
        return 1 if old else 0
    write()
    print(f"wrote {', '.join(old)}" if old else "every page was up to date")
    return 0


if __name__ == "__main__":
    sys.exit(main())
