"""Data and baselines of the recipes over several streams and over numbers."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np
import pytest

from model_zoo.chorales import baseline as ngrams
from model_zoo.chorales import composer, score
from model_zoo.chorales import data as chorales
from model_zoo.flights import baseline as lateness
from model_zoo.flights import data as flights
from model_zoo.flights import reporter
from paddle_xformers.errors import InputError

from . import small_data

TUNE = [("C5", 2), ("F#5", 1), ("rest", 1), ("Bb4", 4)]
LINE = [72, -1, 78, 0, 70, -1, -1, -1]


def test_a_score_becomes_eighths(tmp_path: Path) -> None:
    whole = [("C3", 8)]
    small_data.score(tmp_path / "a.mxl", [TUNE, whole, whole, whole])
    steps = score.read(tmp_path / "a.mxl")
    assert steps.shape == (8, 4)
    assert steps[:, 0].tolist() == LINE
    assert steps[:, 3].tolist() == [48, *[-1] * 7]


def test_a_note_between_two_eighths_counts_if_it_lasts(tmp_path: Path) -> None:
    path, later = (
        tmp_path / "a.mxl",
        "<note><pitch><step>D</step><octave>5</octave></pitch><duration>3</duration></note>",
    )
    small_data.score(path, [[("C5", 1)], *[[("C3", 4)]] * 3], extra=later)
    assert score.read(path)[:, 0].tolist() == [72, 74, -1, -1]
    with zipfile.ZipFile(path) as files:
        text = files.read("a.musicxml").decode()
    with zipfile.ZipFile(path, "w") as files:  # twice as fast: the second note starts between two eighths
        files.writestr("a.musicxml", text.replace("<divisions>2<", "<divisions>4<"))
    assert score.read(path)[:, 0].tolist() == [72, 74]


@pytest.mark.parametrize(
    ("voices", "extra"),
    [
        ([TUNE] * 3, ""),
        ([TUNE, TUNE, TUNE, [("C3", 7)]], ""),
        ([TUNE] * 4, "<backup><duration>2</duration></backup>"),
        ([TUNE] * 4, "<note><chord/><pitch><step>C</step><octave>4</octave></pitch><duration>2</duration></note>"),
    ],
    ids=["three voices", "one shorter", "two voices in one", "a chord"],
)
def test_other_scores_are_passed_over(tmp_path: Path, voices, extra) -> None:
    small_data.score(tmp_path / "a.mxl", voices, extra)
    assert score.read(tmp_path / "a.mxl") is None


def test_chorales_of_one_melody_are_on_one_side(tmp_path: Path) -> None:
    folder = small_data.chorales(tmp_path)
    train, held_out = chorales.load(str(folder), None)
    assert len(train.pieces) + len(held_out.pieces) == 40
    piece = held_out.pieces[0]
    names = {72: "C", 74: "D", 76: "E", 77: "F", 79: "G", 81: "A", 83: "B"}
    starts = np.flatnonzero(piece[:, 0] > 0)
    lengths = np.diff([*starts, len(piece)])
    melody = [(names[int(piece[at, 0])] + "4", int(length)) for at, length in zip(starts, lengths, strict=True)]
    small_data.score(folder / "other.mxl", [melody] * 4)  # an octave below, in unison
    again = chorales.load(str(folder), None)
    assert len(again[1].pieces) == len(held_out.pieces) + 1
    assert len(chorales.load(str(folder), 3)[0].pieces) == 3


def test_tokens_of_a_piece() -> None:
    piece = np.array([LINE] * 4).T
    ids = chorales.tokens(piece, moved=1)
    pitch = {name: number - chorales.LOWEST + chorales.FIRST for name, number in (("a", 73), ("b", 79), ("c", 71))}
    hold, rest = chorales.HOLD, chorales.REST
    assert ids[:, 2].tolist() == [1, pitch["a"], hold, pitch["b"], rest, pitch["c"], hold, hold, hold, 2]
    assert chorales.fits(piece, 12) and not chorales.fits(piece, 13) and not chorales.fits(piece * 0)
    assert composer.sounding(ids[:, 0]) == [(0, 2, 73), (2, 1, 79), (4, 4, 71)]


def test_rows_are_moved_anew_in_every_epoch(tmp_path: Path) -> None:
    train, _ = chorales.load(str(small_data.chorales(tmp_path)), None)
    rows = composer.Rows(train, 16, seed=1)
    first = [rows[number]["input_ids"].copy() for number in range(len(rows))]
    rows.set_epoch(1)
    second = [rows[number]["input_ids"] for number in range(len(rows))]
    assert any((one != other).any() for one, other in zip(first, second, strict=True))
    rows.set_epoch(0)
    assert all((one == rows[number]["input_ids"]).all() for number, one in enumerate(first))
    for row in (rows[number] for number in range(len(rows))):
        assert row["input_ids"].shape == row["labels"].shape == (16, 4)
        assert ((row["labels"] == -100).all(-1) == (row["attention_mask"] == 0)).all()


def test_counted_chances_are_chances() -> None:
    pieces = [np.array([[1, 7, 8, 7, 8, 7, 9, 2]] * 4).T]
    counted = ngrams.Ngrams(pieces)
    for line in ([1], [7], [7, 8], [50], [9, 7, 8]):
        chances = counted.chances(line, 0)
        assert chances.min() > 0 and chances.sum() == pytest.approx(1)
    assert counted.chances([8], 0).argmax() == 7
    found = ngrams.scores(pieces, pieces)
    assert found["each voice after its last four"][1] > 0.8
    assert found["every note goes on"][1] == 0


def test_flights_are_divided_by_days(tmp_path: Path) -> None:
    train, held_out = flights.load(str(small_data.flights(tmp_path)), None)
    assert len(train.late) + len(held_out.late) == 1200 - 24  # some never arrived
    assert 0.1 < len(held_out.late) / 1176 < 0.35
    days = [{tuple(words[3:]) for words in part.words.tolist()} for part in (train, held_out)]
    assert days[0] & days[1]  # months and weekdays are on both sides
    assert train.numbers[:, 0].min() == 6.5 and train.numbers[:, 1].max() == pytest.approx(2454 * 1.609344)
    limited = flights.load(str(tmp_path), 50)
    assert [len(part.late) for part in limited] == [50, 50]


def test_what_is_said_of_lateness_without_a_network(tmp_path: Path) -> None:
    train, held_out = flights.load(str(small_data.flights(tmp_path)), None)
    found = lateness.predictions(train, held_out)
    off = {name: reporter.errors(minutes, held_out.late)[0] for name, minutes in found.items()}
    assert off["boosted trees"] < 0.5 and off["ridge regression"] < 0.5
    assert off["as late as it left, less what is usual"] > 5
    assert reporter.errors(np.array([np.nan, 5.0]), np.array([3.0, 30.0])) == [14.0, 0.5]


def test_numbers_come_back_from_their_scales(tmp_path: Path) -> None:
    train, _ = flights.load(str(small_data.flights(tmp_path)), None)
    sayings = reporter.Sayings.of(train)
    for kind, values in (("distance", train.numbers[:, 1]), (reporter.ARRIVED, np.array([-60.0, 0, 3, 900]))):
        np.testing.assert_allclose(sayings.unscaled(sayings.scaled(values, kind), kind), values, rtol=1e-4, atol=1e-3)
    ids, numbers = sayings.sentences(train)
    assert (ids == sayings.ids[reporter.NUMBER]).sum(1).tolist() == [4] * len(ids)
    assert np.abs(numbers).max() < 5
    said = [sayings.words[number] for number in ids[0]]
    assert said[0] == "<s>" and said[-1] == "</s>" and said[-3] == "arrived late" and said[1] == "carrier"


def test_unusable_data_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for module in (chorales, flights):
        with pytest.raises(InputError, match="--data"):
            module.load(str(tmp_path / "empty"), None)
    folder = small_data.chorales(tmp_path / "scores", 2)
    (folder / "bwv1.mxl").write_bytes(b"no score")
    with pytest.raises(InputError, match="bwv1.mxl is no compressed MusicXML"):
        chorales.load(str(folder), None)
    (folder / "bwv1.mxl").unlink()
    with pytest.raises(InputError, match="none are left"):
        chorales.load(str(folder), None)
    file = small_data.flights(tmp_path / "flights", 3) / flights.FILE
    with zipfile.ZipFile(file) as files:
        text = files.read("flights.csv").decode()
    for content, message in (
        ("a,b\n1,2\n", "has not the columns"),
        (text.replace("UA,EWR", "UA,EWR").replace(",2454,", ",far,"), "other values than expected"),
        (text.split("\n")[0] + "\n" + text.split("\n")[2], "too few days"),
    ):
        with zipfile.ZipFile(file, "w") as files:
            files.writestr("flights.csv", content)
        with pytest.raises(InputError, match=message):
            flights.load(str(file.parent), None)
    file.write_bytes(b"no archive")
    with pytest.raises(InputError, match="cannot be read"):
        flights.load(str(file.parent), None)
