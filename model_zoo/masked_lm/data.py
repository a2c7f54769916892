"""From texts to windows of tokens, some of which are hidden."""

from __future__ import annotations

from typing import Any

import numpy as np

from paddle_xformers.errors import InputError

HIDDEN = 0.15  # share of the tokens that are to be found
HIDDEN_IN_TRAINING = 0.3  # a step of a small model teaches more with more of them (2202.08005)
MASKED, REPLACED = 0.8, 0.1  # of these: so many become the mask token, and so many any token; the rest stays
LEFT_OUT = -100


def as_windows(texts: list[str], tokenizer: Any, window: int) -> np.ndarray:
    """Put texts behind each other, with an end between them, and cut.

    Args:
        texts: The texts.
        tokenizer: The tokenizer.
        window: Tokens of each piece.

    Returns:
        Ids, (pieces, window); what is left at the end is dropped.

    Raises:
        InputError: The texts do not fill one window.
    """
    stream: list[int] = []
    for text in texts:
        stream.extend(tokenizer.encode(text, add_special_tokens=False)["input_ids"])
        stream.append(tokenizer.eos_token_id)
    pieces = len(stream) // window
    if not pieces:
        raise InputError(f"--data: the texts have only {len(stream)} tokens; give more than {window}.")
    return np.asarray(stream[: pieces * window], np.int64).reshape(pieces, window)


class Masked:
    """Windows with hidden tokens, others in each epoch (1810.04805, section 3.1).

    Args:
        windows: Ids, (pieces, window).
        tokenizer: Says which token hides another, and which are never drawn in place of one.
        seed: Of what is hidden.
        share: How much is hidden.
    """

    def __init__(self, windows: np.ndarray, tokenizer: Any, seed: int, share: float = HIDDEN) -> None:
        self.windows, self.seed, self.share, self.epoch = windows, seed, share, 0
        self.mask = tokenizer.mask_token_id
        special = set(tokenizer.all_special_ids)
        self.usual = np.array([token for token in range(len(tokenizer)) if token not in special])

    def set_epoch(self, epoch: int) -> None:
        """Choose what is hidden: by seed, epoch and window, so that a resumed run hides alike."""
        self.epoch = epoch

    def __len__(self) -> int:
        return len(self.windows)

    def __getitem__(self, index: int) -> dict[str, np.ndarray]:
        random = np.random.default_rng([self.seed, self.epoch, index])
        ids = self.windows[index].copy()
        hidden = random.permutation(len(ids))[: max(1, round(self.share * len(ids)))]
        labels = np.full_like(ids, LEFT_OUT)
        labels[hidden] = ids[hidden]
        how = random.random(len(hidden))
        ids[hidden[how < MASKED]] = self.mask
        other = hidden[(how >= MASKED) & (how < MASKED + REPLACED)]
        ids[other] = random.choice(self.usual, len(other))
        return {"input_ids": ids, "labels": labels}
