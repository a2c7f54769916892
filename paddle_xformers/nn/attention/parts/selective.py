"""Selective attention (2410.02703): a token may hide tokens before it from the tokens after it.

How much query i hides key j is the first head's score of the pair, where that is positive. What all queries before a
query hid is subtracted from its scores, in all heads. The cache keeps the sum for each key.
"""

from __future__ import annotations

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...sizes import sizes
from ..cache import PADDING
from ..call import AttentionCall
from ..masks import lead_with_zeros
from ..normalizers import Normalizer
from .base import AttentionPart, Site, Step


class Selective(AttentionPart):
    """Subtracts what was hidden from the scores.

    A query does not hide its own key, nor what stands first in its row (the memory tokens' or the text's first), nor
    what stands before that: mems and learned keys. Padding hides nothing.

    Args:
        site: The attention layer around it.
    """

    leaves = 1

    def __init__(self, site: Site) -> None:
        super().__init__()

    def normalized(self, scores: Tensor, step: Step, *, normalizer: Normalizer) -> Tensor:
        """Weights, (b, h, n, t + m), of the scores less what was hidden; t learned keys stand in front."""
        m, total = sizes(step.call.k_positions)[1], sizes(scores)[3]
        hides = F.relu(scores[:, 0, :, total - m :].astype("float32")) * self._may_hide(step.call)  # (b, n, m)
        sums = hides.cumsum(axis=1)
        before = sums - hides
        past = step.past.get(self)
        if past:
            known = _with_new_keys(past[0], m).unsqueeze(1)  # (b, 1, m)
            before, sums = before + known, sums + known
        step.state[self] = (sums[:, -1, : m - step.call.room],)
        return normalizer(scores - lead_with_zeros(before.unsqueeze(1).astype(scores.dtype), total))

    def _may_hide(self, call: AttentionCall) -> Tensor:
        """1.0 for the keys that each query may hide, (b or 1, n, m)."""
        queries, keys = call.q_positions, call.k_positions
        n, m = sizes(queries)[1], sizes(keys)[1]
        own = paddle.arange(m) == (paddle.arange(n) + (m - call.room - n)).unsqueeze(-1)  # (n, m)
        places = paddle.logical_and((queries > PADDING).unsqueeze(-1), (keys > call.first).unsqueeze(1))
        return paddle.logical_and(places, paddle.logical_not(own)).astype("float32")


def _with_new_keys(sums: Tensor, m: int) -> Tensor:
    """Sums of the cached keys, (b, length), with zeros for the keys behind them, (b, m)."""
    b, length = sizes(sums)
    return paddle.concat([sums, paddle.zeros([b, m - length], dtype=sums.dtype)], axis=1)
