"""Command line: `python -m paddle_xformers fields [WORD]` prints the reference of the configuration fields."""

from __future__ import annotations

import argparse
import shutil
import sys
from collections.abc import Sequence

from .config import SEQ2SEQ, nearest, schema
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
    part = next((part for part in SEQ2SEQ.parts if given.word.startswith(part.prefix)), None)
    # Only for a word that asks for a part are its fields listed: they are those of every other family.
    found = search(schema() if part is None else part.fields(), given.word)
    if not found:
        near = nearest(given.word, schema() if part is None else part.fields())
        hint = f"; did you mean {' or '.join(near)}?" if near else ""
        print(f"no field matches {given.word!r}{hint}", file=sys.stderr)
        return 1
    print(as_text(found, min(shutil.get_terminal_size().columns, 110)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
