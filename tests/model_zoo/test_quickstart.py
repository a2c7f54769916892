"""The quickstart from end to end: the trial run, an interrupted run, exact bits, and the report."""

from __future__ import annotations

import json
import os
import resource
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import paddle
import pytest

from model_zoo.common.budget import WARMUP, Budget
from model_zoo.common.progress import newest_checkpoint
from model_zoo.common.runs import RECORD
from model_zoo.quickstart import data, evaluation, report, training
from model_zoo.quickstart.plan import SMOKE
from paddle_xformers import XByteTokenizer, XDecoderForCausalLM

ROOT = Path(__file__).resolve().parent.parent.parent
TINY = replace(SMOKE, dim=16, depth=1, heads=1, window=32, steps=24)


def quickstart(*arguments: str, **kwargs: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "model_zoo/quickstart/run.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, **kwargs)


def train(folder: Path, plan: Any = TINY, text: Any = None) -> tuple[Any, dict[str, Any]]:
    """Train in this process, as another process would: with fresh parameter names."""
    tokenizer = XByteTokenizer()
    stream = np.tile(tokenizer.encode_bytes_array(b"def f(x):\n    return x + 1\n\n"), 200)
    with paddle.utils.unique_name.guard():
        model = training.fresh_model(plan, tokenizer, seed=5)
        windows = text(stream, plan.window) if text else data.Windows(stream, plan.window)
        return model, training.train(model, windows, plan, folder, seed=5)


def test_the_trial_run(tmp_path: Path) -> None:
    done = quickstart("--smoke", "--output", str(tmp_path / "run"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar and no noise where nobody looks
    for words in ("to train on:", "held out:", "bits per byte", "gzip -9", "bzip2 -9", "xz -9e", "this model"):
        assert words in done.stdout
    assert "does NOT beat gzip" in done.stdout and "too few" in done.stdout  # 30 steps: it says so
    assert "Taskflow gives the same text" in done.stdout
    assert (tmp_path / "run" / "loss.png").read_bytes().startswith(b"\x89PNG")
    assert XDecoderForCausalLM.from_pretrained(tmp_path / "run" / "model").config.dim == SMOKE.dim
    assert not list((tmp_path / "run").glob("checkpoint-*"))
    again = quickstart("--smoke", "--output", str(tmp_path / "run"))
    assert again.returncode == 0 and again.stderr == "" and "Training was finished before" in again.stdout
    table = done.stdout[done.stdout.index("this model") :]
    assert table.split("Loss curve")[0] == again.stdout[again.stdout.index("this model") :].split("Loss curve")[0]
    other = quickstart("--smoke", "--output", str(tmp_path / "run"), "--seed", "9")
    assert other.returncode == 2 and "other settings (seed)" in other.stderr
    foreign = quickstart("--smoke", "--output", str(ROOT))
    assert foreign.returncode == 2 and "other files and no run" in foreign.stderr


def no_large_files() -> None:
    """Make writing as impossible as on a full disk."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))


def test_a_killed_run_goes_on_and_survives_a_full_disk(tmp_path: Path) -> None:
    script = (
        "import sys; from dataclasses import replace; from model_zoo.quickstart import run;"
        "run.SMOKE = replace(run.SMOKE, steps=240); sys.exit(run.main(sys.argv[1:]))"
    )
    command = [sys.executable, "-c", script, "--smoke", "--output", str(tmp_path)]
    kwargs: dict[str, Any] = {"cwd": ROOT, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    first = subprocess.Popen(command, **kwargs)
    deadline = time.monotonic() + 60
    while newest_checkpoint(tmp_path) is None and time.monotonic() < deadline:
        time.sleep(0.02)
    first.kill()
    first.communicate()
    reached = newest_checkpoint(tmp_path)
    assert reached is not None and first.returncode == -signal.SIGKILL
    full = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, preexec_fn=no_large_files)
    assert full.returncode == 2 and "Traceback" not in full.stderr, full.stderr
    assert "could not be saved" in full.stderr and f"{reached.name} is complete" in full.stderr
    second = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
    assert second.returncode == 0, second.stderr
    assert f"Going on from {reached}" in second.stdout and "Trained: 240 steps" in second.stdout
    outcome = json.loads((tmp_path / RECORD).read_text())["outcome"]
    assert [step for step, _, _ in outcome["history"]] == list(range(10, 241, 10))


class Interrupting(data.Windows):
    """Windows of which the fiftieth is read by someone who presses Ctrl-C."""

    read = 0

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        self.read += 1
        if self.read == 50:
            os.kill(os.getpid(), signal.SIGINT)
        return super().__getitem__(index)


def test_an_interrupted_run_ends_as_the_uninterrupted_one(tmp_path: Path) -> None:
    handler = signal.getsignal(signal.SIGINT)
    whole, outcome = train(tmp_path / "whole")
    assert not outcome["interrupted"] and outcome["steps"] == TINY.steps
    _, first = train(tmp_path / "halves", text=Interrupting)
    assert first["interrupted"] and 0 < first["steps"] < TINY.steps
    resumed, second = train(tmp_path / "halves")
    assert not second["interrupted"] and second["steps"] == TINY.steps
    assert second["seconds"] > first["seconds"]
    for (name, one), (_, other) in zip(whole.named_parameters(), resumed.named_parameters(), strict=True):
        assert np.array_equal(one.numpy(), other.numpy()), name
    assert signal.getsignal(signal.SIGINT) is handler


def test_a_checkpoint_cut_off_is_not_used(tmp_path: Path) -> None:
    train(tmp_path)
    complete = newest_checkpoint(tmp_path)
    (tmp_path / "checkpoint-999").mkdir()
    assert newest_checkpoint(tmp_path) == complete is not None


def test_a_budget_of_seconds_is_kept_and_counts_over_sessions(tmp_path: Path) -> None:
    _, outcome = train(tmp_path, replace(TINY, steps=None, seconds=2.0))
    assert not outcome["interrupted"] and 2.0 <= outcome["seconds"] < 3.0
    budget = Budget(replace(TINY, steps=None, seconds=10.0))
    budget.before = 4.0
    assert budget.share == pytest.approx(0.4)


def test_the_learning_rate_rises_and_falls_with_the_budget() -> None:
    budget = Budget(replace(TINY, steps=1000))
    rates = []
    for budget.step in range(1001):
        rates.append(budget.rate(0))
    peak = int(np.argmax(rates))
    assert peak == pytest.approx(1000 * WARMUP, abs=1) and max(rates) == pytest.approx(1, abs=1e-3)
    assert np.all(np.diff(rates[:peak]) >= 0) and np.all(np.diff(rates[peak:]) <= 0)
    assert rates[-1] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize("length", [2, 31, 32, 33, 34, 200])
def test_bits_are_those_of_every_id_predicted_once(length: int) -> None:
    tokenizer = XByteTokenizer()
    model = training.fresh_model(TINY, tokenizer, seed=1)
    model.eval()
    stream = np.random.default_rng(1).integers(8, 264, length)
    window, step = TINY.window, TINY.window // 2
    bits = 0.0
    for target in range(1, length):
        # The window that predicts it: the first, or the one in whose second half it lies.
        start = 0 if target <= window else step * -(-(target - window) // step)
        logits = model(input_ids=paddle.to_tensor(stream[None, start:target])).numpy()[0, -1].astype(np.float64)
        bits -= (logits[stream[target]] - np.log(np.exp(logits).sum())) / np.log(2)
    assert evaluation.model_bits(model, stream, window) == pytest.approx(bits, rel=1e-5)


def test_compressors_are_measured_on_the_given_bytes() -> None:
    content = b"abc" * 1000
    assert all(8 * 20 < bits < 8 * 150 for bits in evaluation.compressed_bits(content).values())
    text = Path(evaluation.__file__).read_bytes()
    assert evaluation.primed_bits(text, text) < evaluation.compressed_bits(text)["xz -9e"] / 5


def test_the_verdict_is_honest() -> None:
    assert "20% fewer" in report.verdict(1.6, 2.0, seen=10, train_bytes=10, parameters=5)
    worse = report.verdict(2.5, 2.0, seen=1000, train_bytes=10, parameters=5)
    assert "NOT" in worse and "longer text" in worse
    assert "--minutes" in report.verdict(2.5, 2.0, seen=10, train_bytes=10, parameters=5)


def test_the_table_is_sorted_and_has_sizes() -> None:
    lines = report.table({"b": 2.0, "a": 1.0}, 800).splitlines()
    assert [line.split()[0] for line in lines[1:]] == ["a", "b"]
    assert lines[1].endswith("100") and lines[2].endswith("200")


def test_what_a_terminal_would_obey_is_not_printed() -> None:
    assert report.printable("a\x1b[2Jb\r\tc\n\u00e9", "utf-8") == "a\ufffd[2Jb\ufffd\tc\n\u00e9"
    assert report.printable("a\u00e9", "ascii") == "a?"
