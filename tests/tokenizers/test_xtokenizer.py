"""XTokenizer: training, and models that were not trained here."""

import io
import shutil

import pytest
import sentencepiece

from paddle_xformers.errors import CheckpointError, InputError
from paddle_xformers.tokenizers import XTokenizer, training

SAMPLE = "The  quick\tbrown\n\n    fox 今天 🌍 \u2581 naïve\r\n"


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_training_is_deterministic_and_lossless(corpus, model_type):
    first, second = (XTokenizer.train(corpus, 340, model_type=model_type) for _ in range(2))
    assert len(first) == first.vocab_size == 340
    assert first.get_vocab() == second.get_vocab()
    assert first._model_content == second._model_content
    ids = first(SAMPLE)["input_ids"]
    assert first.decode(ids) == SAMPLE
    assert len(ids) < len(SAMPLE.encode())


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_texts_without_spaces_teach_the_space_too(tmp_path, model_type):
    (tmp_path / "a.txt").write_text("今天天气好\n天气今天好\n好天气\n" * 50, encoding="utf-8")
    tokenizer = XTokenizer.train(tmp_path, 270, model_type=model_type)
    ids = tokenizer("今天  天气 x")["input_ids"]
    assert tokenizer.decode(ids) == "今天  天气 x"
    assert tokenizer("好 x", return_offsets_mapping=True)["offset_mapping"] == [(0, 1), (1, 2), (2, 3)]


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_cutting_at_line_feeds_changes_no_token(corpus, model_type):
    tokenizer = XTokenizer.train(corpus, 340, model_type=model_type)
    text = corpus.read_text(encoding="utf-8")[:5000] + "\n\n  \n x"
    assert tokenizer._cuts_locally
    assert tokenizer.tokenize(text) == tokenizer.sp_model.encode(text, out_type=str)


def test_training_learns_words(subword):
    assert len(subword.tokenize("The quick brown fox jumps over the lazy dog")) < 20


def test_files_folders_and_iterables(corpus, tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("b.txt", "sub/a.txt"):
        shutil.copy(corpus, tmp_path / name)
    (tmp_path / "notes.md").write_text("not read \u4e00")
    expected = XTokenizer.train([corpus, corpus], 380).get_vocab()
    assert XTokenizer.train(str(tmp_path), 380).get_vocab() == expected
    assert XTokenizer.train(iter([tmp_path / "b.txt", tmp_path / "sub"]), 380).get_vocab() == expected


def test_output_dir_holds_the_tokenizer(corpus, tmp_path):
    trained = XTokenizer.train(corpus, 380, output_dir=tmp_path / "out", add_eos_token=True, model_max_length=9)
    loaded = XTokenizer.from_pretrained(tmp_path / "out")
    assert loaded(SAMPLE)["input_ids"] == trained(SAMPLE)["input_ids"] and loaded.get_vocab() == trained.get_vocab()
    assert loaded.add_eos_token and loaded.model_max_length == 9
    shutil.rmtree(tmp_path / "out")
    loaded.save_pretrained(tmp_path / "again")
    assert XTokenizer.from_pretrained(tmp_path / "again").get_vocab() == trained.get_vocab()


def test_long_lines_and_characters_that_sentencepiece_reserves_are_used(tmp_path):
    (tmp_path / "a.txt").write_text("abcd efgh " * 2000 + "\n" + "\u2581\u2585 wxyz\n" * 50, encoding="utf-8")
    tokenizer = XTokenizer.train(tmp_path, 285)
    assert set("abcdefghwxyz") <= tokenizer.get_vocab().keys()


def test_without_byte_fallback_other_characters_are_unknown(corpus):
    tokenizer = XTokenizer.train(corpus, 120, byte_fallback=False, character_coverage=1.0)
    assert tokenizer.unk_token_id in tokenizer("🌍")["input_ids"]
    assert tokenizer.decode(tokenizer("The fox")["input_ids"]) == "The fox"


def test_digits_can_be_split(corpus):
    def numbers(**options):
        pieces = XTokenizer.train(corpus, 450, **options).get_vocab()
        return [piece for piece in pieces if piece.strip("\u2581").isdigit() and len(piece.strip("\u2581")) > 1]

    assert numbers() and not numbers(split_digits=True)


def test_training_on_a_sample_is_deterministic(corpus):
    vocabularies = [XTokenizer.train(corpus, 350, max_lines=150, character_coverage=0.98).get_vocab() for _ in range(2)]
    assert vocabularies[0] == vocabularies[1]


def test_progress_is_quiet_unless_asked_for(corpus, capfd):
    XTokenizer.train(corpus, 380)
    assert capfd.readouterr() == ("", "")
    XTokenizer.train(corpus, 380, verbose=True)
    assert capfd.readouterr().err


def refusal(pattern, *arguments, **options):
    with pytest.raises(InputError, match=pattern) as caught:
        XTokenizer.train(*arguments, **options)
    return str(caught.value)


@pytest.mark.parametrize("model_type", ["bpe", "unigram"])
def test_vocab_size_that_does_not_suit_names_one_that_does(corpus, model_type):
    message = refusal(
        r"vocab_size=99999 is too large for this text: only \d+ pieces", corpus, 99999, model_type=model_type
    )
    largest = int(message.split("vocab_size<=")[1].split(",")[0])
    assert len(XTokenizer.train(corpus, largest, model_type=model_type)) == largest
    message = refusal(r"vocab_size=200 is too small for this text: .* need \d+\.", corpus, 200, model_type=model_type)
    smallest = int(message.split("vocab_size>=")[1].split(",")[0])
    assert len(XTokenizer.train(corpus, smallest, model_type=model_type)) == smallest


def test_bad_arguments(corpus):
    for size in (0, -1, 8000.0, True, "8000"):
        refusal(r"vocab_size=.* must be a positive int", corpus, size)
    refusal("model_type='word' is not known; choose one of bpe, unigram", corpus, 300, model_type="word")
    refusal("character_coverage=0.5 must be between 0.98 and 1.0", corpus, 300, character_coverage=0.5)
    refusal("max_lines=10 must be more than 100", corpus, 300, max_lines=10)


def test_bad_files(tmp_path, corpus):
    (tmp_path / "empty.txt").write_text("\n\n")
    (tmp_path / "latin.txt").write_bytes("caf\u00e9".encode("latin-1"))
    (tmp_path / "folder").mkdir()
    refusal(r"nowhere does not exist", tmp_path / "nowhere", 300)
    refusal(r"folder has no \*\.txt file", tmp_path / "folder", 300)
    refusal("files is empty", [], 300)
    refusal("files hold no text", tmp_path / "empty.txt", 300)
    refusal(r"latin\.txt is not UTF-8", [corpus, tmp_path / "latin.txt"], 300)


def test_a_failure_while_reading_is_passed_on():
    def texts():
        yield "abc"
        raise KeyError("inside")

    with pytest.raises(KeyError, match="inside"):
        training.train_model(texts(), 300)


@pytest.fixture
def saved(subword, tmp_path):
    subword.save_pretrained(tmp_path)
    return tmp_path


@pytest.mark.parametrize("content", [b"", b"garbage", None])
def test_corrupt_models_are_refused(saved, content):
    model = saved / "sentencepiece.model"
    model.write_bytes(model.read_bytes()[:-100] if content is None else content)
    with pytest.raises(CheckpointError, match=r"sentencepiece\.model is not a sentencepiece model"):
        XTokenizer.from_pretrained(saved)


def test_missing_models_are_refused(saved):
    (saved / "sentencepiece.model").unlink()
    with pytest.raises(CheckpointError, match=r"has no sentencepiece\.model, which XTokenizer needs"):
        XTokenizer.from_pretrained(saved)
    with pytest.raises(CheckpointError, match=r"cannot be read \(No such file"):
        XTokenizer(saved / "sentencepiece.model")
    with pytest.raises(CheckpointError, match="vocab_file is None"):
        XTokenizer()


def test_a_model_alone_is_enough(saved, subword):
    (saved / "tokenizer_config.json").unlink()
    (saved / "special_tokens_map.json").unlink()
    assert XTokenizer.from_pretrained(saved).get_vocab() == subword.get_vocab()


def test_models_trained_elsewhere(tmp_path):
    model = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(["hello world foo bar"] * 50), model_writer=model, vocab_size=14, minloglevel=2
    )
    (tmp_path / "m.model").write_bytes(model.getvalue())
    tokenizer = XTokenizer(tmp_path / "m.model", add_bos_token=True)
    assert (tokenizer.bos_token, tokenizer.eos_token, tokenizer.unk_token) == ("<s>", "</s>", "<unk>")
    assert (tokenizer.bos_token_id, len(tokenizer)) == (1, 14)
    assert not tokenizer._cuts_locally and tokenizer.tokenize("hello\nworld") == tokenizer.tokenize("hello world")
    ids = tokenizer("hello world")["input_ids"]
    assert ids[0] == 1 and tokenizer.decode(ids) == "<s>hello world"
    assert tokenizer.get_offset_mapping("he")[-2:] == [(0, 1), (1, 2)]
    with pytest.raises(InputError, match="offsets are not known"):
        tokenizer.get_offset_mapping("hello  world")
