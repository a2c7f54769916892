"""From scores to weights: functions over the keys, by name."""

from __future__ import annotations

from collections.abc import Callable

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...config.options import AttentionOptions
from ...config.registry import make_function, provide
from ..sizes import sizes

# From scores to weights, both (b, h, n, m).
Normalizer = Callable[[Tensor], Tensor]


def softmax(scores: Tensor) -> Tensor:
    """Exponentials, divided by their sum; in float32, because half precision would lose small weights."""
    return F.softmax(scores.astype("float32"), axis=-1)


def entmax15(scores: Tensor) -> Tensor:
    """The 1.5-entmax (1905.05702): weights `max(s / 2 - t, 0) ** 2`, exactly zero for all but the better keys.

    The threshold t, for which they sum to 1, follows in closed form from the number of keys that stay, which
    sorting finds. It is written once more from those keys alone, so that its gradient is the exact one.

    Args:
        scores: (b, h, n, m).
    """
    half = scores.astype("float32") / 2
    # No key further than 1 below the best gets any weight: clip before squaring what a mask made huge.
    half = (half - half.max(axis=-1, keepdim=True).detach()).clip(min=-2.0)
    stays = half >= _threshold(half.detach())
    count = stays.astype("float32").sum(axis=-1, keepdim=True)
    kept = paddle.where(stays, half, paddle.zeros([1]))
    mean = kept.sum(axis=-1, keepdim=True) / count
    spread = paddle.where(stays, (half - mean) ** 2, paddle.zeros([1])).sum(axis=-1, keepdim=True)
    threshold = mean - ((1 - spread) / count).clip(min=1e-12).sqrt()
    over = F.relu(half - threshold)
    return over * over


def _threshold(half: Tensor) -> Tensor:
    """The threshold of each row of halved scores, (b, h, n, 1)."""
    best = half.sort(axis=-1, descending=True)
    count = paddle.arange(1, sizes(half)[-1] + 1, dtype="float32")
    mean = best.cumsum(axis=-1) / count
    spread = (best * best).cumsum(axis=-1) - count * mean * mean
    candidates = mean - ((1 - spread) / count).clip(min=0).sqrt()
    supported = (candidates <= best).astype("int64").sum(axis=-1, keepdim=True)
    return candidates.take_along_axis(supported - 1, axis=-1)


def sigmoid(scores: Tensor) -> Tensor:
    """Each key for itself (2409.04431), so that weights need not sum to 1.

    The paper adds -log(m) to the scores of m keys; here, as in x-transformers, a position bias may do so.

    Args:
        scores: (b, h, n, m).
    """
    return F.sigmoid(scores.astype("float32"))


def hard(scores: Tensor) -> Tensor:
    """All weight on the best key, with the gradient of the softmax (2410.01104).

    Args:
        scores: (b, h, n, m).
    """
    soft = softmax(scores)
    best = F.one_hot(scores.argmax(axis=-1), sizes(scores)[-1])
    return soft + (best - soft).detach()


provide("attn_normalizer", {"softmax": softmax, "entmax15": entmax15, "sigmoid": sigmoid, "hard": hard})


def make_normalizer(options: AttentionOptions) -> Normalizer:
    """Return the normalizer that the options name.

    Args:
        options: The attention fields of a layer.
    """
    return make_function("attn_normalizer", options.attn_normalizer, options)
