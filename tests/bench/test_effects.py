"""The measuring of effects: a trial of seconds, going on with it, and what figures are said to mean."""

from __future__ import annotations

import argparse
import json
import math
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import stdev
from types import SimpleNamespace
from typing import Any

import pytest

from bench.effects import chart, measure, report, results, run, session
from bench.effects.features import FEATURES, PAGES
from bench.effects.plan import SMOKE, Plan
from bench.effects.tasks import make_tasks
from bench.effects.tasks.base import Task, Texts
from bench.effects.variants import BASELINES, NOT_MEASURED, VARIANTS, Variant, every_run, root_of
from paddle_xformers.errors import InputError

ROOT = Path(run.HERE).parents[1]
RUNS = every_run()
SCORES = {"1": 3.0, "2": 3.1, "3": 3.2}


def stored(**runs: dict[str, Any]) -> dict[str, Any]:
    """Results with these runs; a variant's dashes are written as underscores."""
    found = {}
    for name, run_of_it in runs.items():
        variant = RUNS[name.replace("_", "-")]
        fields = json.loads(json.dumps(variant.fields))
        found[variant.name] = {"fields": fields, "task": variant.task, "parameters": 1_500_000, **run_of_it}
    return {"settings": {}, "machine": {}, "runs": found}


def effects(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-W", "ignore", "bench/effects/run.py", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.fixture(scope="module")
def trial(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, subprocess.CompletedProcess[str]]:
    """A trial of two variants, and what it printed."""
    folder = tmp_path_factory.mktemp("effects")
    shutil.copytree(run.PAGES, folder / "pages")
    done = effects("--smoke", "--only", "ff-glu,mem-xl", "--output", f"{folder}/out", "--pages", f"{folder}/pages")
    return folder, done


def test_a_trial_measures_what_was_chosen_and_what_it_is_compared_with(trial: Any) -> None:
    folder, done = trial
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no bar and no noise where nobody looks
    kept = json.loads((folder / "out" / results.FILE).read_text())
    assert set(kept["runs"]) == {"baseline", "segments", "ff-glu", "mem-xl"}
    for name, entry in kept["runs"].items():
        seeds = SMOKE.seeds if name in ("baseline", "segments") else SMOKE.seeds[:1]
        assert list(entry["scores"]) == [str(seed) for seed in seeds], name
        assert all(5 < score < 12 for score in entry["scores"].values())  # untrained: about 8 bits
        assert name in ("baseline", "segments") or 0.05 < entry["time_ratio"] < 20
    assert (folder / "out" / run.CHART).read_bytes().startswith(b"\x89PNG")
    assert sorted(path.name for path in (folder / "out").iterdir()) == [results.FILE, run.CHART]


def test_the_tables_of_a_trial_are_in_its_pages_and_not_in_ours(trial: Any) -> None:
    folder, _ = trial
    kept = results.load(folder / "out")
    for page in (report.INDEX, *PAGES):
        text = (folder / "pages" / f"{page}.md").read_text(encoding="utf-8")
        assert report.filled(text, report.blocks(kept, page), page) == text
    score = f"{kept['runs']['ff-glu']['scores']['1']:.3f}"
    assert score in (folder / "pages" / "feedforward.md").read_text(encoding="utf-8")
    assert score in (folder / "pages" / "README.md").read_text(encoding="utf-8")


def test_a_second_trial_trains_nothing(trial: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = trial
    before = (folder / "out" / results.FILE).read_bytes()
    assert run.main(["--smoke", "--only", "ff-glu", "--output", f"{folder}/out"]) == 0
    assert "Every run is stored" in capsys.readouterr().out
    assert (folder / "out" / results.FILE).read_bytes() == before


def test_a_run_that_is_asked_for_again_repeats_its_score(trial: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, _ = trial
    shutil.copytree(folder / "out", folder / "again")
    monkeypatch.setattr(session, "tune_cpu", lambda: SimpleNamespace(applied={}))  # it would change this process
    before = results.load(folder / "out")["runs"]
    trained, train = [], session.train

    def counted(*arguments: Any) -> Any:
        trained.append(arguments[1])
        return train(*arguments)

    monkeypatch.setattr(session, "train", counted)
    assert run.main(["--smoke", "--only", "ff-glu", "--again", "--output", f"{folder}/again"]) == 0
    assert trained == [RUNS["ff-glu"].fields]  # not the baseline
    scores = [runs["ff-glu"]["scores"]["1"] for runs in (results.load(folder / "again")["runs"], before)]
    assert scores[0] == pytest.approx(scores[1], rel=1e-5)  # this process multiplies in another order


def test_a_run_that_fails_is_told_and_the_others_go_on(
    trial: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = trial
    shutil.copytree(folder / "out", folder / "failed")
    monkeypatch.setattr(session, "tune_cpu", lambda: SimpleNamespace(applied={}))
    train = session.train

    def broken(task: Any, fields: dict[str, Any], *arguments: Any) -> Any:
        if fields == RUNS["attn-dropout"].fields:
            raise RuntimeError("a feature that breaks")
        return train(task, fields, *arguments)

    monkeypatch.setattr(session, "train", broken)
    assert run.main(["--smoke", "--only", "attn-dropout,attn-head-scale", "--output", f"{folder}/failed"]) == 1
    assert "attn-dropout failed" in (told := capsys.readouterr().err) and "a feature that breaks" in told
    kept = results.load(folder / "failed")["runs"]
    assert "attn-head-scale" in kept and "attn-dropout" not in kept


def test_figures_of_other_settings_are_not_mixed(trial: Any, capsys: pytest.CaptureFixture[str]) -> None:
    folder, _ = trial
    assert run.main(["--smoke", "--steps", "3", "--only", "ff-glu", "--output", f"{folder}/out"]) == 2
    assert "other settings (steps)" in capsys.readouterr().err


def test_tables_need_no_training(tmp_path: Path) -> None:
    shutil.copytree(run.PAGES, tmp_path / "pages")
    fresh = stored(baseline={"scores": SCORES}, ff_glu={"scores": {"1": 2.5}, "time_ratio": 1.25})
    fresh["settings"] = results.settings_of(SMOKE, "digest")
    fresh["machine"] = {"date": "now", "cpu": "a CPU", "cores": 2, "threads": 2, "python": "3.11", "paddle": "3.3"}
    results.save(fresh, tmp_path)
    arguments = ["--table-only", "--output", str(tmp_path), "--pages", str(tmp_path / "pages")]
    assert run.main(arguments) == 0
    assert (tmp_path / run.CHART).exists()
    row = next(line for line in (tmp_path / "pages" / "feedforward.md").read_text().splitlines() if "2.500" in line)
    assert [cell.strip() for cell in row.split("|")[2:8]] == [
        "2.500",
        "baseline",
        "-0.600",
        "±0.497",
        "**better**",
        "1.25x",
    ]


def test_a_difference_is_noise_below_the_interval_of_the_seeds() -> None:
    width = results.STUDENT[2] * stdev(SCORES.values()) * math.sqrt(1 + 1 / 3)
    for shift, verdict in ((-1.01, "better"), (-0.99, "within noise"), (0.99, "within noise"), (1.01, "worse")):
        kept = stored(baseline={"scores": SCORES}, ff_glu={"scores": {"1": 3.1 + shift * width}, "time_ratio": 1.0})
        found = results.effect(kept, RUNS["ff-glu"])
        assert found is not None and found.verdict == verdict
        assert found.noise == pytest.approx(width) and found.difference == pytest.approx(shift * width)


def test_a_run_beside_a_single_run_has_more_noise() -> None:
    entry = {"scores": {"1": 3.1}, "time_ratio": 1.0}
    kept = stored(baseline={"scores": SCORES}, pos_alibi=entry, pos_alibi_learned=entry)
    found = results.effect(kept, RUNS["pos-alibi-learned"])
    assert found is not None and found.difference == 0
    assert found.noise == pytest.approx(results.STUDENT[2] * stdev(SCORES.values()) * math.sqrt(2))


def test_without_a_spread_nothing_is_said() -> None:
    kept = stored(baseline={"scores": {"1": 3.0}}, ff_glu={"scores": {"1": 2.0}, "time_ratio": 1.0})
    found = results.effect(kept, RUNS["ff-glu"])
    assert found is not None and (found.difference, found.noise, found.verdict) == (-1.0, None, "")


def test_a_run_that_diverged_is_called_so() -> None:
    kept = stored(baseline={"scores": SCORES}, ff_glu={"scores": {"1": None}, "time_ratio": 1.0})
    assert "**diverged**" in report.cells(kept, RUNS["ff-glu"])
    assert report.summary(kept, "ff-glu") == "ff-glu: diverged"


def test_a_run_of_other_fields_counts_as_not_measured() -> None:
    kept = stored(ff_glu={"scores": {"1": 2.5}, "time_ratio": 1.0})
    kept["runs"]["ff-glu"]["fields"] = {"ff_glu": False}
    assert results.effect(kept, RUNS["ff-glu"]) is None
    assert report.cells(kept, RUNS["ff-glu"]).startswith(report.NOT_YET)


@pytest.mark.parametrize("content", ["{", "[]", '{"runs": {}}'])
def test_a_damaged_file_is_refused_with_its_name(content: str, tmp_path: Path) -> None:
    (tmp_path / results.FILE).write_text(content)
    with pytest.raises(InputError, match=r"effects\.json is damaged"):
        results.load(tmp_path)


def test_an_interruption_keeps_what_was_measured(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = stored(baseline={"scores": SCORES})
    results.save(kept, tmp_path)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("bench.files.os.replace", fail)
    with pytest.raises(OSError, match="disk full"):
        results.save(stored(), tmp_path)
    assert results.load(tmp_path)["runs"] == kept["runs"] and len(list(tmp_path.iterdir())) == 1


def test_every_feature_is_measured_or_has_a_reason() -> None:
    ids = [feature.id for feature in FEATURES]
    assert len(ids) == len(set(ids))
    measured = {variant.feature for variant in VARIANTS}
    assert measured | set(NOT_MEASURED) == set(ids) and not measured & set(NOT_MEASURED)


def test_the_runs_can_be_compared() -> None:
    assert len(RUNS) == len(BASELINES) + len(VARIANTS)
    order = list(RUNS)
    for variant in VARIANTS:
        assert order.index(variant.against) < order.index(variant.name), "references come first"
        assert root_of(variant) in BASELINES
    assert all(not variant.against for variant in BASELINES)
    assert len(Plan().seeds) - 1 in results.STUDENT


@pytest.fixture(scope="module")
def tasks() -> dict[str, Task]:
    return make_tasks(SMOKE, Texts(SMOKE, limit=1 << 18))


@pytest.mark.parametrize("variant", RUNS.values(), ids=RUNS)
def test_a_model_has_the_fields_of_its_row(variant: Variant, tasks: dict[str, Task]) -> None:
    """A configuration keeps what it does not know: a field that is gone would measure the baseline again."""
    model = tasks[variant.task].build(variant.fields)
    values = model.config.values()
    for name, value in variant.fields.items():
        assert values[name] == value


def test_references_come_along() -> None:
    assert list(run._with_references(["pos-alibi-learned"])) == ["baseline", "pos-alibi", "pos-alibi-learned"]
    assert list(run._with_references(None)) == list(RUNS)


def test_names_are_runs_or_features_and_others_are_refused() -> None:
    assert run._names("ff-glu, residual-scale") == ["ff-glu", "residual-scale", "residual-scale/constant"]
    for bad in ("nonsense", ","):
        with pytest.raises(argparse.ArgumentTypeError, match="known are"):
            run._names(bad)


def test_step_times_are_taken_in_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that slows down steadily changes no ratio, and the median leaves out a hiccup."""
    clock, steps = {"now": 0.0, "taken": 0}, []

    class Learner:
        def __init__(self, task: Any, fields: dict[str, Any], plan: Plan, seed: int) -> None:
            self.cost = fields["cost"]

        def step(self) -> None:
            steps.append(self.cost)
            clock["taken"] += 1
            slow = 1 + 0.01 * clock["taken"] + 50 * (clock["taken"] == 13)
            clock["now"] += self.cost * slow

    monkeypatch.setattr(measure, "Learner", Learner)
    monkeypatch.setattr(measure.time, "perf_counter", lambda: clock["now"])
    ratio = measure.time_ratio(("text", "text"), ({"cost": 3.0}, {"cost": 2.0}), Plan(), lambda: None)
    assert ratio == pytest.approx(1.5, rel=0.01)
    timed = steps[2 * measure.UNTIMED :]
    assert timed[:4] == [2.0, 3.0, 3.0, 2.0] and len(timed) == 2 * Plan().pairs


def test_pages_keep_what_is_around_their_blocks_and_can_be_rewritten() -> None:
    page = "above\n<!-- measured: a -->\nold\n<!-- /measured -->\nbelow\n"
    once = report.filled(page, {"a": "first"}, "page.md")
    assert once == "above\n<!-- measured: a -->\n\nfirst\n\n<!-- /measured -->\nbelow\n"
    assert report.filled(once, {"a": "second"}, "page.md") == once.replace("first", "second")


@pytest.mark.parametrize("names", [(), ("a", "a"), ("a", "b"), ("b",)])
def test_wrong_blocks_are_refused(names: tuple[str, ...]) -> None:
    page = "\n".join(f"<!-- measured: {name} -->\n<!-- /measured -->" for name in names)
    with pytest.raises(ValueError, match="page.md must hold each of its blocks once"):
        report.filled(page, {"a": "x"}, "page.md")


def test_labels_of_the_chart_keep_apart_and_inside() -> None:
    places = chart._spread([0.5, 0.5, 0.51, 0.99, 0.0], 0.1, 0.0, 1.0)
    ordered = sorted(places)
    assert all(upper - lower >= 0.1 - 1e-9 for lower, upper in zip(ordered, ordered[1:], strict=False))
    assert ordered[0] >= 0 and ordered[-1] <= 1
    assert places[0] < places[2] < places[3] and places[4] == ordered[0]
