"""A tokenizer for the texts at hand."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from paddle_xformers import XTokenizer


def train_tokenizer(texts: list[str], size: int, longest: int, **options: Any) -> XTokenizer:
    """Train subwords on texts.

    Args:
        texts: The texts; those to train on, for what is held out must not shape the vocabulary.
        size: Number of tokens.
        longest: Characters of each text that are looked at.
        **options: Arguments of XTokenizer.

    Returns:
        The tokenizer.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.txt"
        file.write_text("\n".join(text[:longest] for text in texts), encoding="utf-8", errors="replace")
        return XTokenizer.train(file, size, verbose=False, **options)
