"""Bits per byte: of a model, exactly, and of three compressors."""

from __future__ import annotations

import bz2
import gzip
import lzma
import math
from collections.abc import Iterator

import numpy as np
import paddle
from paddle.nn import functional as F

BATCH = 16


def model_bits(model, stream: np.ndarray, window: int) -> float:
    """Sum of -log2 of the probability that a model gives to each id of a stream, after those before it.

    Windows overlap by half: every id but those of the first window is predicted from at least half a window.

    Args:
        model: A causal language model.
        stream: Ids, (n,); the first is given, all others are predicted, each exactly once.
        window: Length of the windows, in ids.

    Returns:
        Bits.
    """
    model.eval()
    nats = 0.0
    with paddle.no_grad():
        for ids, targets in _batches(stream, window):
            logits = model(input_ids=paddle.to_tensor(ids), return_dict=True).logits  # (b, window, v)
            losses = F.cross_entropy(
                logits.reshape([-1, logits.shape[-1]]),
                paddle.to_tensor(targets.reshape(-1)),
                ignore_index=-100,
                reduction="none",
            )
            nats += float(losses.numpy().astype(np.float64).sum())
    return nats / math.log(2)


def _batches(stream: np.ndarray, window: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield inputs and targets, (b, window) each; a target is -100 where another window predicts it."""
    step = window // 2
    starts = [0, *range(step, len(stream) - 1 - window + step, step)]
    for first in range(0, len(starts), BATCH):
        chosen = starts[first : first + BATCH]
        ids = np.zeros((len(chosen), window), dtype=np.int64)
        targets = np.full((len(chosen), window), -100, dtype=np.int64)
        for row, start in enumerate(chosen):
            piece = stream[start : start + window + 1]
            new = window - step if start else 0
            ids[row, : len(piece) - 1] = piece[:-1]
            targets[row, new : len(piece) - 1] = piece[new + 1 :]
        yield ids, targets


def compressed_bits(content: bytes) -> dict[str, int]:
    """Bits that three compressors need for a text, each at its strongest."""
    return {
        "gzip -9": 8 * len(gzip.compress(content, 9, mtime=0)),
        "bzip2 -9": 8 * len(bz2.compress(content, 9)),
        "xz -9e": 8 * len(_xz(content)),
    }


def primed_bits(content: bytes, before: bytes) -> int:
    """Bits that xz needs for a text once it has read another: the growth of its output."""
    return 8 * (len(_xz(before + content)) - len(_xz(before)))


def _xz(content: bytes) -> bytes:
    return lzma.compress(content, preset=9 | lzma.PRESET_EXTREME)
