"""The work that every system is given: one model size, one batch, one prompt. Pure NumPy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

TASKS = ("forward", "train_step", "decode_b1", "decode_b8")
DECODE_BATCH = {"decode_b1": 1, "decode_b8": 8}

_SEED = 20_26


@dataclass(frozen=True)
class Size:
    """A decoder and the shapes it is run on.

    Args:
        dim: Width of the residual stream; always `heads * dim_head`, as some peers require.
        depth: Number of layers, each one attention and one feed-forward block.
        heads: Attention heads.
        vocab: Number of token ids.
        max_seq_len: Longest sequence the model is built for, in tokens.
        batch: Sequences in the forward pass and in the training step.
        seq_len: Tokens in each of them.
        prompt_len: Tokens given to decoding.
        new_tokens: Tokens that decoding must produce for each sequence.
    """

    dim: int
    depth: int
    heads: int
    vocab: int
    max_seq_len: int
    batch: int
    seq_len: int
    prompt_len: int
    new_tokens: int

    def training_ids(self) -> np.ndarray:
        """Returns random token ids of shape (batch, seq_len), the same in every process."""
        return self._random_ids(self.batch, self.seq_len)

    def prompt_ids(self, batch: int) -> np.ndarray:
        """Returns a random prompt of shape (batch, prompt_len), the same in every process."""
        return self._random_ids(batch, self.prompt_len)

    def _random_ids(self, rows: int, columns: int) -> np.ndarray:
        # Never id 0: PaddleNLP's models take it for padding and would mask it.
        return np.random.default_rng(_SEED).integers(1, self.vocab, (rows, columns), dtype="int64")


SIZES = {
    "full": Size(512, 6, 8, vocab=256, max_seq_len=1024, batch=4, seq_len=512, prompt_len=64, new_tokens=192),
    "tiny": Size(64, 2, 1, vocab=256, max_seq_len=64, batch=2, seq_len=16, prompt_len=8, new_tokens=8),
}


def check_decoded(tokens: np.ndarray, size: Size, batch: int) -> None:
    """Check that decoding did all of its work.

    Args:
        tokens: The new tokens, expected as (batch, new_tokens), without the prompt.
        size: The size that was run.
        batch: Sequences that were decoded.

    Raises:
        ValueError: The shape is another one, or an id lies outside the vocabulary.
    """
    wanted = (batch, size.new_tokens)
    if tokens.shape != wanted:
        raise ValueError(f"decoding returned tokens of shape {tokens.shape}, but {wanted} were asked for.")
    if tokens.min() < 0 or tokens.max() >= size.vocab:
        raise ValueError(f"decoding returned ids from {tokens.min()} to {tokens.max()}, vocabulary {size.vocab}.")
