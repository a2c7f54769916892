"""Command line: `python -m paddle_xformers fields [WORD]` prints the reference of the configuration fields."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Mapping, Sequence

from .config import CAPTION, SEQ2SEQ, FieldInfo, nearest, schema
from .config.reference import as_text, search


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: Its arguments; None: those of the process.

    Returns:
        The exit code: 0, or 1 when no field matches.
    """
    parser = argparse.ArgumentParser(prog="python -m paddle_xformers", description="paddle_xformers")
    commands = parser.add_subparsers(dest="command", required=True)
    fields = commands.add_parser("fields", help="print the configuration fields, or those that match a word")
    fields.add_argument("word", nargs="?", default="", help="part of a name, a meaning, a feature or a keyword")
    given = parser.parse_args(arguments)
    declared = _fields_for(given.word)
    found = search(declared, given.word)
    if not found:
        near = nearest(given.word, declared)
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        print(f"no field matches {given.word!r}{hint}", file=sys.stderr)
        return 1
    print(as_text(found, min(shutil.get_terminal_size().columns, 110)))
    return 0


def _fields_for(word: str) -> Mapping[str, FieldInfo]:
    """The fields to look a word up in: those of the parts of a model only if it asks for them by their prefix."""
    parts = [part for family in (CAPTION, SEQ2SEQ) for part in family.parts if word.startswith(part.prefix)]
    return {name: info for part in parts for name, info in part.fields().items()} if parts else schema()


if __name__ == "__main__":
    sys.exit(main())
