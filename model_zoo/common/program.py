"""The frame of every recipe: its command line, its exit status, its silence."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Sequence

from paddle_xformers.errors import XFormersError

INTERRUPTED = 130  # exit status of a program that Ctrl-C ended


def command(
    name: str,
    parser: argparse.ArgumentParser,
    run: Callable[[argparse.Namespace], int],
    arguments: Sequence[str] | None,
) -> int:
    """Run a program.

    Args:
        name: What its messages begin with.
        parser: Of its command line.
        run: Does the work and returns the exit status.
        arguments: Of the command line; None takes the program's.

    Returns:
        The exit status: that of `run`, 2 for what the user can mend, 130 when interrupted.
    """
    options = parser.parse_args(arguments)
    try:
        return run(options)
    except (XFormersError, OSError) as error:
        print(f"{name}: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(f"{name}: interrupted; the same command goes on.", file=sys.stderr)
        return INTERRUPTED


def recipe_parser(description: str | None) -> argparse.ArgumentParser:
    """Make the command line that all recipes share.

    Args:
        description: What the recipe does.
    """
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", help="a folder that holds the data already (default: fetch it into runs/data)")
    parser.add_argument("--output", help="folder of the run (default: runs/ and the name of the recipe)")
    parser.add_argument("--seed", type=int, default=1, help="of the weights and of the order of the data (default: 1)")
    parser.add_argument("--steps", type=_steps, help="number of training steps")
    parser.add_argument("--smoke", action="store_true", help="a tiny model and a few steps, to see that all works")
    return parser


def _steps(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) > 0):
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of steps above 0")
    return int(text)


def quiet_paddlenlp() -> None:
    """Have PaddleNLP report errors only, not every file that it reads."""
    from paddle_xformers._compat import import_paddlenlp

    import_paddlenlp()
    from paddlenlp.utils.log import logger

    logger.set_level("ERROR")
