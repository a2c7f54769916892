"""A save that fails or is killed leaves the folder with the model it held before, or with the new one."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import paddle
import pytest
from paddlenlp.generation import GenerationConfig
from paddlenlp.transformers import PretrainedConfig, model_utils

from paddle_xformers import CheckpointError

from ..contracts.cases import build
from .small import assert_same_weights, content, load

ROOT = Path(__file__).parents[2]
SHARDS = {"max_shard_size": "70KB"}


def no_space(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def fail_half_way(patch, owner, name, *, after=0):
    """Let the writer work `after` times, then write half of its file and report a full disk."""
    original, calls = getattr(owner, name), [0]

    def write(*args, **kwargs):
        result = original(*args, **kwargs)
        calls[0] += 1
        if calls[0] > after:
            path = next(Path(arg) for arg in args[::-1] if isinstance(arg, (str, Path)))
            path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
            no_space()
        return result

    patch.setattr(owner, name, write)


WRITERS = {
    "weights": (model_utils, "safe_save_file", 0, {}),
    "second shard": (model_utils, "safe_save_file", 1, SHARDS),
    "config.json": (PretrainedConfig, "to_json_file", 0, {}),
    "generation_config.json": (GenerationConfig, "to_json_file", 0, {}),
    "index": (model_utils.json, "dumps", None, SHARDS),
    "flush": (os, "fsync", None, {}),
    "move": (os, "replace", None, {}),
}


@pytest.mark.parametrize("owner, name, after, way", WRITERS.values(), ids=WRITERS)
def test_a_full_disk_leaves_the_folder_as_it_was(tmp_path, monkeypatch, owner, name, after, way):
    old = build({}, seed=1)
    old.save_pretrained(tmp_path, **way)
    before, entries = content(tmp_path), sorted(os.listdir(tmp_path))
    with monkeypatch.context() as patch:
        if after is None:
            patch.setattr(owner, name, no_space)
        else:
            fail_half_way(patch, owner, name, after=after)
        with pytest.raises(CheckpointError) as caught:
            build({"norm_bias": True}, seed=2).save_pretrained(tmp_path, **way)
    sentence = str(caught.value)
    assert str(tmp_path) in sentence and os.strerror(errno.ENOSPC) in sentence
    assert "unchanged" in sentence and "make room" in sentence
    assert content(tmp_path) == before
    assert sorted(os.listdir(tmp_path)) == entries
    assert_same_weights(load(tmp_path), old)


def test_a_full_disk_with_a_save_function_of_the_caller(tmp_path):
    old = build({}, seed=1)
    old.save_pretrained(tmp_path, safe_serialization=False)
    before = content(tmp_path)

    def save(value, path):
        paddle.save(value, path)
        Path(path).write_bytes(Path(path).read_bytes()[:1000])
        no_space()

    with pytest.raises(CheckpointError, match="unchanged"):
        build({}, seed=2).save_pretrained(tmp_path, safe_serialization=False, save_function=save)
    assert content(tmp_path) == before
    assert_same_weights(load(tmp_path), old)


@pytest.mark.parametrize("moved", [1, 2])
def test_a_failure_while_files_are_moved(tmp_path, monkeypatch, moved):
    """If the folder cannot be put back, the sentence must not promise that it was."""
    old, new = build({}, seed=1), build({"depth": 1}, seed=2)
    old.save_pretrained(tmp_path)
    before = content(tmp_path)
    replace, calls = os.replace, [0]

    def fails_later(*args):
        calls[0] += 1
        if calls[0] > moved:
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(*args)

    monkeypatch.setattr(os, "replace", fails_later)
    with pytest.raises(CheckpointError) as caught:
        new.save_pretrained(tmp_path)
    assert (content(tmp_path) == before) == ("unchanged" in str(caught.value))


def test_a_first_save_that_fails_leaves_no_weights(tmp_path, monkeypatch):
    fail_half_way(monkeypatch, model_utils, "safe_save_file")
    with pytest.raises(CheckpointError):
        build({}).save_pretrained(tmp_path / "new")
    assert not content(tmp_path)


def test_keyboard_interrupt_cleans_up_and_goes_on_up(tmp_path, monkeypatch):
    old = build({}, seed=1)
    old.save_pretrained(tmp_path)
    before = content(tmp_path)

    def interrupt(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(model_utils, "safe_save_file", interrupt)
    with pytest.raises(KeyboardInterrupt):
        build({}, seed=2).save_pretrained(tmp_path)
    assert content(tmp_path) == before
    assert len(os.listdir(tmp_path)) == len(before)


def run_apart(mode: str, folder: Path) -> list[dict]:
    done = subprocess.run(
        [sys.executable, "-m", "tests.models.interrupted", mode, str(folder)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def test_a_limit_of_the_system_leaves_the_folder_as_it_was(tmp_path):
    results = run_apart("limit", tmp_path)
    assert [result["format"] for result in results] == ["safetensors", "pdparams", "shards"]
    for result in results:
        assert result["raised"] == "CheckpointError" and "File too large" in result["sentence"]
        assert result["same"] and result["model"] == "old"


def test_killed_at_any_time(tmp_path):
    *killed, last = run_apart("kill", tmp_path)
    assert len(killed) == 15
    assert {result["model"] for result in killed} <= {"old", "new"}
    assert last["model"] == "new"
    assert any(result["left over"] for result in killed)  # else no save was under way when it was killed
    assert last["entries"] == ["config.json", "generation_config.json", "model.safetensors"]


def test_killed_while_files_are_moved(tmp_path):
    results = run_apart("move", tmp_path)
    assert {result["model"] for result in results} >= {"old", "new"}
    broken = [result for result in results if result["model"] not in ("old", "new")]
    assert not broken
