"""The pure parts of the benchmark: ratios, table, README markers, files, and the check of decoded tokens."""

from __future__ import annotations

import argparse
import json
from typing import Any

import numpy as np
import pytest

from bench import files, report, run
from bench.systems import BASELINE, SYSTEMS
from bench.workload import SIZES, check_decoded

TINY = SIZES["tiny"]


def entry(label: str, **fields: Any) -> dict[str, Any]:
    return {
        "label": label,
        "status": "ok",
        "seconds": {},
        "cpu_seconds": {},
        "checksums": {},
        "errors": {},
        **fields,
    }


@pytest.fixture
def results() -> dict[str, Any]:
    return {
        "machine": {
            "cpu": "Test CPU",
            "cores": 2,
            "memory_gb": 8,
            "system": "Linux x86_64",
            "python": "3.11.0",
            "date": "2026-01-02 03:04 UTC",
            "load_before": 0.1,
        },
        "size": {"name": "tiny", **vars(TINY)},
        "rounds": 3,
        "tasks": ["train_step", "decode_b8"],
        "systems": {
            "ours": entry(
                "ours",
                parameters=19_200_000,
                cpu_seconds={"train_step": [3.0, 14.0, 1.5], "decode_b8": [0.5, 0.5, 0.5]},
                versions={"paddlepaddle": "3.3.1"},
                seconds={"train_step": [2.0, 9.0, 1.0], "decode_b8": [0.5, 0.5, 0.5]},
                peak_memory_mb=1234,
            ),
            "peer": entry(
                "the peer",
                parameters=19_100_000,
                cpu_seconds={"train_step": [3.0, 3.0, 30.0]},
                versions={"torch": "2.0"},
                seconds={"train_step": [3.0, 3.0, 30.0]},
                errors={"decode_b8": "ValueError: too few tokens\nlong detail"},
            ),
            "absent": entry("the absent one", status="not installed", message="No module named 'absent'"),
        },
    }


def table_row(table: str, label: str) -> list[str]:
    line = next(line for line in table.splitlines() if line.startswith(f"| {label} |"))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_ratio_is_the_quotient_of_the_medians(results: dict[str, Any]) -> None:
    assert report.ratio(results, "ours", "train_step") == 1.0
    assert report.ratio(results, "peer", "train_step") == 1.5
    assert report.ratio(results, "peer", "decode_b8") is None


def test_no_ratio_without_ours(results: dict[str, Any]) -> None:
    del results["systems"]["ours"]
    assert report.ratio(results, "peer", "train_step") is None
    assert table_row(report.markdown(results), "the peer")[2] == "3.00 s (best 3.00 s)"


def test_table_shows_median_best_ratio_size_and_memory(results: dict[str, Any]) -> None:
    table = report.markdown(results)
    tokens_a_second = 8 * TINY.new_tokens / 0.5
    assert table_row(table, "ours") == [
        "ours",
        "19.20 M",
        "2.00 s (best 1.00 s) **1.00x**",
        f"{tokens_a_second:.0f} tok/s (best {tokens_a_second:.0f} tok/s) **1.00x**",
        "1.5",
        "1.2 GB",
    ]
    assert "paddlepaddle 3.3.1, torch 2.0" in table
    assert "Test CPU, 2 cores" in table


def test_failures_and_missing_packages_are_named_with_one_line(results: dict[str, Any]) -> None:
    table = report.markdown(results)
    assert table_row(table, "the peer")[3] == "failed"
    assert table_row(table, "the absent one")[2:4] == ["not installed", "not installed"]
    assert "- `peer`, decode_b8: ValueError: too few tokens" in table
    assert "- `absent`, not installed: No module named 'absent'" in table
    assert "long detail" not in table


def test_short_times_are_read_in_milliseconds(results: dict[str, Any]) -> None:
    assert report.shown(results, "forward", 0.0123) == "12.3 ms"
    assert report.shown(results, "forward", 0.123) == "0.12 s"


def test_markers_keep_what_is_around_them_and_can_be_rewritten() -> None:
    begin, end = report.MARKERS
    once = report.replace_between_markers(f"above\n{begin}\nold\n{end}\nbelow\n", "first\n")
    assert once == f"above\n{begin}\n\nfirst\n\n{end}\nbelow\n"
    assert report.replace_between_markers(once, "second") == once.replace("first", "second")


@pytest.mark.parametrize("order", [(), (0,), (1, 0), (0, 1, 1)])
def test_wrong_markers_are_refused_and_the_readme_stays(order: tuple[int, ...], tmp_path: Any) -> None:
    readme = tmp_path / "README.md"
    text = "\n".join(report.MARKERS[i] for i in order)
    readme.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match="restore those two lines"):
        files.write_readme("table", readme)
    assert readme.read_text(encoding="utf-8") == text


def test_the_readme_of_the_benchmark_has_its_markers() -> None:
    text = files.README.read_text(encoding="utf-8")
    assert "TABLE" in report.replace_between_markers(text, "TABLE")


def test_results_are_written_as_three_files_and_nothing_else(results: dict[str, Any], tmp_path: Any) -> None:
    files.write_results(results, "the table\n", tmp_path / "results")
    written = {path.name: path for path in (tmp_path / "results").iterdir()}
    assert sorted(written) == ["latest.json", "latest.md", "latest.png"]
    assert json.loads(written["latest.json"].read_text(encoding="utf-8")) == results
    assert written["latest.md"].read_text(encoding="utf-8") == "the table\n"
    assert written["latest.png"].read_bytes().startswith(b"\x89PNG")


def test_a_failed_write_leaves_the_old_file(tmp_path: Any) -> None:
    path = tmp_path / "latest.md"
    path.write_text("old", encoding="utf-8")

    def half_written(temporary: Any) -> None:
        temporary.write_text("ne", encoding="utf-8")
        raise OSError("disk full")

    with pytest.raises(OSError, match="disk full"):
        files.replace_file(path, half_written)
    assert [p.name for p in tmp_path.iterdir()] == ["latest.md"]
    assert path.read_text(encoding="utf-8") == "old"


@pytest.mark.parametrize("tokens", [np.ones((2, 7)), np.ones((1, 8)), np.full((2, 8), 256), np.full((2, 8), -1)])
def test_decoding_that_did_less_than_asked_is_refused(tokens: np.ndarray) -> None:
    with pytest.raises(ValueError, match="decoding returned"):
        check_decoded(tokens, TINY, batch=2)


def test_decoding_that_did_its_work_passes() -> None:
    check_decoded(np.full((2, TINY.new_tokens), 255), TINY, batch=2)


def test_inputs_are_the_same_every_time_and_hold_no_padding() -> None:
    ids = TINY.training_ids()
    assert ids.shape == (TINY.batch, TINY.seq_len)
    assert (ids == TINY.training_ids()).all()
    assert ids.min() >= 1
    assert ids.max() < TINY.vocab


def test_lists_of_names_are_split_and_unknown_names_refused() -> None:
    parse = run.names_of(SYSTEMS)
    assert parse("gpt, ours,gpt") == ["gpt", "ours"]
    for bad in ("ours,nonsense", ","):
        with pytest.raises(argparse.ArgumentTypeError, match="known are"):
            parse(bad)


def test_the_baseline_is_a_system() -> None:
    assert BASELINE in SYSTEMS
