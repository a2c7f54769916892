"""One small corpus, and both tokenizers on it."""

import copy

import pytest

from paddle_xformers.tokenizers import XByteTokenizer, XTokenizer

CORPUS = (
    "".join(f"The quick brown fox jumps over the lazy dog number {number}.\n" for number in range(200))
    + "    if indented:\n\treturn code  # two  spaces\n" * 20
    + "今天天气很好，我们去公园散步。\n" * 30
)


@pytest.fixture(scope="session")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus") / "corpus.txt"
    path.write_text(CORPUS, encoding="utf-8")
    return path


@pytest.fixture(scope="session")
def subword(corpus):
    return XTokenizer.train(corpus, 400)


@pytest.fixture(scope="session", params=["byte", "subword"])
def pristine(request):
    """Either tokenizer, for tests that do not change it."""
    return XByteTokenizer() if request.param == "byte" else request.getfixturevalue("subword")


@pytest.fixture
def tokenizer(pristine):
    """Either tokenizer, to be changed at will."""
    return copy.deepcopy(pristine)
