"""The quickstart's text: how it is read and divided, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from model_zoo.quickstart import data
from paddle_xformers import XByteTokenizer
from paddle_xformers.errors import InputError

ROOT = Path(__file__).resolve().parent.parent.parent


def lines(count: int, start: int = 0) -> str:
    return "".join(f"line {number} of a text\n" for number in range(start, start + count))


def folder_of(path: Path, files: int) -> Path:
    for number in range(files):
        place = path / f"part{number % 3}" / f"{number}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(lines(60, 1000 * number))
    return path


def names(texts: tuple[data.Text, ...]) -> set[str]:
    return {text.name for text in texts}


def test_files_are_divided_by_their_names_alone(tmp_path: Path) -> None:
    corpus = data.load(str(folder_of(tmp_path / "a", 60)), 16)
    assert corpus.unit == "files"
    assert len(corpus.train) + len(corpus.held_out) == 60 and not names(corpus.train) & names(corpus.held_out)
    moved = data.load(str(folder_of(tmp_path / "elsewhere" / "b", 60)), 16)
    assert names(moved.held_out) == names(corpus.held_out) and moved.digest == corpus.digest
    for place in (tmp_path / "a").rglob("*.txt"):  # other contents, same names: the same side
        place.write_text(place.read_text().upper())
    assert names(data.load(str(tmp_path / "a"), 16).held_out) == names(corpus.held_out)


def test_copies_of_a_training_text_are_not_held_out(tmp_path: Path) -> None:
    folder_of(tmp_path, 60)
    for number in range(60):
        (tmp_path / f"copy{number}.txt").write_text(lines(60, 1000 * number))
    corpus = data.load(str(tmp_path), 16)
    assert len(corpus.train) + len(corpus.held_out) == 60


def test_one_file_is_cut_at_lines_and_loses_nothing(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text(lines(5000))
    corpus = data.load(str(tmp_path / "one.txt"), 16)
    assert corpus.unit == "pieces" and corpus.held_out
    pieces = [text.content for text in corpus.train + corpus.held_out]
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert sorted(b"".join(pieces).split(b"\n")) == sorted((tmp_path / "one.txt").read_bytes().split(b"\n"))
    share = corpus.held_out_bytes / (corpus.held_out_bytes + corpus.train_bytes)
    assert 0.01 < share < 0.3


def test_a_text_without_lines_is_cut_too(tmp_path: Path) -> None:
    (tmp_path / "one.txt").write_text("".join(f"word{number} " for number in range(30000)))
    corpus = data.load(str(tmp_path / "one.txt"), 16)
    assert corpus.held_out_bytes and corpus.train_bytes


def test_hidden_binary_and_unreadable_files_are_left_out(tmp_path: Path) -> None:
    folder_of(tmp_path, 40)
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff\x00")
    (tmp_path / "zeros.txt").write_bytes(b"\0" * 100)
    (tmp_path / ".hidden.txt").write_text("secret\n")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "config.txt").write_text("secret\n")
    os.symlink(tmp_path / "nowhere", tmp_path / "broken.txt")
    os.symlink(tmp_path, tmp_path / "loop")
    corpus = data.load(str(tmp_path), 16)
    assert len(corpus.train) + len(corpus.held_out) == 40


def test_the_standard_library_is_there_on_every_machine() -> None:
    corpus = data.load(None, 256)
    assert corpus.train_bytes > 4e6 and corpus.held_out_bytes > 2e5
    assert not any("/test/" in f"/{name}" or "site-packages" in name for name in names(corpus.train))


def test_a_large_folder_is_read_up_to_the_limit(tmp_path: Path) -> None:
    corpus = data.load(str(folder_of(tmp_path, 60)), 16, limit=30000)
    assert corpus.train_bytes + corpus.held_out_bytes <= 30000


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("missing", None, "there is no such file or folder"),
        ("empty.txt", b"", "is empty"),
        ("short.txt", b"hello\n", "too few"),
        ("binary.bin", b"\x00\xff\xfe" * 999, "no text"),
        ("latin.txt", "Größe\n".encode("latin-1") * 999, "not UTF-8"),
    ],
)
def test_unusable_texts_are_refused_in_one_sentence(
    tmp_path: Path, name: str, content: bytes | None, words: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError) as refusal:
        data.load(str(tmp_path / name), 64)
    assert words in str(refusal.value) and "--text" in str(refusal.value) and "give" in str(refusal.value)


def test_a_folder_without_texts_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"\0")
    with pytest.raises(InputError, match="no readable text"):
        data.load(str(tmp_path), 64)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--text", "{path}/missing"], "there is no such file"),
        (["--text", "{path}/empty.txt"], "is empty"),
        (["--minutes", "-1"], "not a number of minutes"),
        (["--minutes", "soon"], "not a number of minutes"),
        (["--output", "{path}/empty.txt", "--smoke"], "this is a file; give a folder"),
    ],
)
def test_the_program_ends_with_2_and_a_sentence(tmp_path: Path, arguments: list[str], words: str) -> None:
    (tmp_path / "empty.txt").touch()
    command = [sys.executable, "model_zoo/quickstart/run.py", *(part.format(path=tmp_path) for part in arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2, done.stderr
    assert words in done.stderr and "Traceback" not in done.stderr


def test_the_stream_has_an_end_before_between_and_after_texts() -> None:
    tokenizer = XByteTokenizer()
    stream = data.as_stream((data.Text("a", b"xy"), data.Text("b", b"<pad>")), tokenizer)
    end = tokenizer.eos_token_id
    assert stream.tolist() == [end, *tokenizer.encode_bytes(b"xy"), end, *tokenizer.encode_bytes(b"<pad>"), end]


def test_first_bytes_cuts_the_last_text() -> None:
    texts = (data.Text("a", b"12345"), data.Text("b", b"678"), data.Text("c", b"9"))
    assert [text.content for text in data.first_bytes(texts, 7)] == [b"12345", b"67"]
    assert data.first_bytes(texts, 100) == texts


def test_windows_predict_every_id_once() -> None:
    windows = data.Windows(np.arange(1 + 7 * 5), 8)
    assert len(windows) == 5
    predicted = np.concatenate([windows[number]["labels"][1:] for number in range(5)])
    assert predicted.tolist() == list(range(1, 36))
    assert windows[0]["input_ids"].shape == (8,)
