"""From the texts of a call to rows of token ids, and from rows to a padded batch."""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_xformers.errors import InputError

Rows = list[list[int]]


def as_texts(inputs: tuple[Any, ...]) -> list[str]:
    """Check what a Taskflow was called with.

    Args:
        inputs: The positional arguments: one text, or one list of texts.

    Returns:
        The texts.

    Raises:
        InputError: There is no text, or one is empty or not a string.
    """
    if len(inputs) != 1:
        raise InputError(f"got {len(inputs)} arguments: give one text, or several as one list.")
    given = [inputs[0]] if isinstance(inputs[0], str) else inputs[0]
    if not isinstance(given, (list, tuple)):
        raise InputError(f"the text is a {type(given).__name__}: give a str, or a list of str.")
    if not given:
        raise InputError("the list of texts is empty: give at least one text.")
    for number, text in enumerate(given):
        if not isinstance(text, str):
            raise InputError(f"text {number} is a {type(text).__name__}: give a str.")
        if not text:
            raise InputError(f"text {number} is empty: give at least one character to continue.")
    return list(given)


def check_room(rows: Rows, new: int, limit: int) -> None:
    """Refuse texts that leave no room for their continuation.

    Args:
        rows: Token ids of every text.
        new: Number of tokens to be generated.
        limit: The model's max_seq_len; 0 is no limit.

    Raises:
        InputError: A text and its continuation are longer than the model allows, or a text has no token.
    """
    for number, row in enumerate(rows):
        if not row:
            raise InputError(f"text {number} has no token in this model's tokenizer: give a longer text.")
        if limit and len(row) + new > limit:
            room = limit - len(row)
            way = f" or lower max_new_tokens to at most {room}" if room > 0 else ""
            raise InputError(
                f"text {number} has {len(row)} tokens and max_new_tokens={new}, together {len(row) + new}, "
                f"more than the model's max_seq_len={limit}: shorten the text{way}."
            )


def left_padded(rows: Rows, pad: int) -> tuple[np.ndarray, np.ndarray]:
    """Put rows of different lengths into one array, with their ends aligned.

    Args:
        rows: Token ids.
        pad: What stands before shorter rows.

    Returns:
        The ids and their mask (1 for tokens, 0 for padding), both of shape (rows, longest) and int64.
    """
    longest = max(map(len, rows))
    ids = np.full((len(rows), longest), pad, dtype=np.int64)
    mask = np.zeros_like(ids)
    for number, row in enumerate(rows):
        ids[number, longest - len(row) :] = row
        mask[number, longest - len(row) :] = 1
    return ids, mask
