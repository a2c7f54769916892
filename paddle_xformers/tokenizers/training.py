"""Training a sentencepiece model from text files. Knows nothing of PaddleNLP."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import sentencepiece

from paddle_xformers.errors import InputError
from paddle_xformers.tokenizers import layout

MODEL_TYPES = ("bpe", "unigram")

# sentencepiece skips, without an error, lines above 4192 bytes and lines with the two characters that it uses
# itself. So longer lines are cut, and those characters are left out (at encoding time byte tokens spell
# them).
_MAX_CHARACTERS = 1000  # at most 4 bytes each
_OWN_CHARACTERS = re.compile("[\u2581\u2585]")

# The number of threads decides the order of floating-point sums, hence it may not depend on the machine.
_THREADS = 8


def find_text_files(files: Any) -> list[Path]:
    """List the text files that a user means.

    Args:
        files: A path, or an iterable of paths. A folder stands for all `*.txt` files in and below it.

    Returns:
        The files; those of a folder in sorted order.

    Raises:
        InputError: A path does not exist, a folder has no text file, or nothing is given.
    """
    if isinstance(files, (str, os.PathLike)):
        files = [files]
    found: list[Path] = []
    for name in files:
        path = Path(name).expanduser()
        if path.is_file():
            found.append(path)
        elif path.is_dir():
            inside = sorted(file for file in path.rglob("*.txt") if file.is_file())
            if not inside:
                raise InputError(f"folder {path} has no *.txt file in or below it: pass the files themselves.")
            found.extend(inside)
        else:
            raise InputError(f"file {path} does not exist: pass the path of a text file or of a folder of *.txt files.")
    if not found:
        raise InputError("files is empty: pass at least one text file or a folder of *.txt files.")
    return found


def read_lines(paths: Iterable[Path]) -> Iterator[str]:
    """Read text files line by line.

    Args:
        paths: UTF-8 files.

    Yields:
        The lines, without their line feed.

    Raises:
        InputError: A file is not UTF-8 or cannot be read.
    """
    for path in paths:
        try:
            with open(path, encoding="utf-8", newline="\n") as file:
                for line in file:
                    yield line.rstrip("\n")
        except UnicodeDecodeError as error:
            raise InputError(f"file {path} is not UTF-8 ({error.reason}): convert it first.") from error
        except OSError as error:
            raise InputError(f"file {path} cannot be read: {error.strerror}.") from error


def train_model(
    texts: Iterable[str],
    vocab_size: int,
    *,
    model_type: str = "bpe",
    character_coverage: float = 0.9995,
    byte_fallback: bool = True,
    split_digits: bool = False,
    max_lines: int = 0,
    verbose: bool | None = None,
) -> bytes:
    """Train a sentencepiece model that keeps every character, without normalisation or change of spaces.

    The same texts and arguments always give the same model.

    Args:
        texts: The texts.
        vocab_size: Number of pieces, special and byte pieces included.
        model_type: "bpe" (arXiv:1508.07909) or "unigram" (arXiv:1804.10959).
        character_coverage: Share of the text's characters (0.98 to 1) that get a piece of their own.
        byte_fallback: Spell all other characters with byte pieces instead of `<unk>`; needed to be lossless.
        split_digits: Give every digit its own piece.
        max_lines: Train on a random sample of that many lines (more than 100); 0 means on all.
        verbose: Show sentencepiece's progress on stderr. Default: only when that is a terminal.

    Returns:
        The serialised model.

    Raises:
        InputError: An argument is out of range, the texts are empty, or `vocab_size` does not suit them.
    """
    _check_arguments(vocab_size, model_type, character_coverage, max_lines)
    show = sys.stderr.isatty() if verbose is None else verbose
    model = io.BytesIO()
    failures: list[Exception] = []
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=_relayed(_cut(texts), failures),
            model_writer=model,
            vocab_size=vocab_size,
            model_type=model_type,
            character_coverage=character_coverage,
            byte_fallback=byte_fallback,
            split_digits=split_digits,
            input_sentence_size=max_lines,
            num_threads=_THREADS,
            minloglevel=0 if show else 2,
            **_LOSSLESS,
            **_PIECES,
        )
    except RuntimeError as error:
        if failures:
            raise failures[0] from None
        raise InputError(_explanation(str(error), vocab_size, character_coverage, byte_fallback)) from error
    return model.getvalue()


_LOSSLESS: dict[str, Any] = {
    "required_chars": "\u2581",  # a piece for the space, though texts such as Chinese ones may have none
    "normalization_rule_name": "identity",
    "remove_extra_whitespaces": False,
    "add_dummy_prefix": False,
    "allow_whitespace_only_pieces": True,
}
_PIECES: dict[str, Any] = {
    f"{name}_{kind}": value
    for index, name in enumerate(("pad", "bos", "eos", "unk"))
    for kind, value in (("id", index), ("piece", layout.SPECIAL_PIECES[index]))
} | {"control_symbols": list(layout.SPECIAL_PIECES[4:])}


def _check_arguments(vocab_size: int, model_type: str, character_coverage: float, max_lines: int) -> None:
    if isinstance(vocab_size, bool) or not isinstance(vocab_size, int) or vocab_size < 1:
        raise InputError(f"vocab_size={vocab_size!r} must be a positive int, for example 8000.")
    if model_type not in MODEL_TYPES:
        raise InputError(f"model_type={model_type!r} is not known; choose one of {', '.join(MODEL_TYPES)}.")
    if not 0.98 <= character_coverage <= 1.0:
        raise InputError(f"character_coverage={character_coverage!r} must be between 0.98 and 1.0.")
    if max_lines != 0 and max_lines <= 100:
        raise InputError(f"max_lines={max_lines!r} must be more than 100, or 0 for all lines.")


def _cut(texts: Iterable[str]) -> Iterator[str]:
    for text in texts:
        layout.utf8(text)
        for line in text.split("\n"):
            for part in _OWN_CHARACTERS.split(line):
                for start in range(0, len(part), _MAX_CHARACTERS):
                    yield part[start : start + _MAX_CHARACTERS]


def _relayed(texts: Iterator[str], failures: list[Exception]) -> Iterator[str]:
    """Pass texts on, and keep an exception that sentencepiece's C++ would turn into a RuntimeError."""
    try:
        yield from texts
    except Exception as error:
        failures.append(error)
        raise


def _explanation(message: str, vocab_size: int, character_coverage: float, byte_fallback: bool) -> str:
    """Say what sentencepiece's message means for the caller."""
    if "sentences_.empty()" in message:
        return "files hold no text to train on: pass at least one file with a line of text."
    too_small = re.search(r"required_chars\. \d+ vs (\d+)", message)
    if too_small:
        parts = "its characters, the special pieces" + (" and the 256 bytes" if byte_fallback else "")
        return (
            f"vocab_size={vocab_size} is too small for this text: {parts} need {too_small[1]}. Use "
            f"vocab_size>={too_small[1]}, or lower character_coverage={character_coverage}."
        )
    too_large = re.search(r"value <= (\d+)", message)
    if too_large:
        return (
            f"vocab_size={vocab_size} is too large for this text: only {too_large[1]} pieces can be learnt "
            f"from it. Use vocab_size<={too_large[1]}, or train on more text."
        )
    return f"sentencepiece could not train on this text: {message}"
