"""Contextual positions (CoPE, 2405.18719): distance is counted in keys that the query attends to, not in tokens.

A key's position is the sum of the gates of the keys from it up to the query, each the sigmoid of a score. Scores of
hidden keys count nothing, with a mix of heads too, where x-transformers counts padding.
"""

from __future__ import annotations

import paddle
from paddle import Tensor, einsum
from paddle.nn import functional as F
from paddle.nn.initializer import Constant, Uniform

from ..masks import HIDDEN_BELOW
from .base import AttentionPart, Site, Step

# The smaller, the sharper is the softmax over embeddings.
TEMPERATURE = 0.05


class PositionLogits(AttentionPart):
    """Holds the embeddings of contextual positions, which all heads share, and compares queries with them.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        shape = [site.position.attn_cope_max_pos, site.options.key_dim]
        self.weight = self.create_parameter(shape, default_initializer=Constant(0.0))

    def compared(self, q: Tensor, k: Tensor, step: Step) -> tuple[Tensor, Tensor]:
        """Keep the products, (b, h, n, p), of the queries and the p embeddings."""
        step.kept["position_logits"] = paddle.matmul(q, self.weight, transpose_y=True)
        return q, k


class ContextualPositions(AttentionPart):
    """Adds the logits of the position of each key.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        heads = site.options.heads
        self.last = site.position.attn_cope_max_pos - 1
        self.soft = site.position.attn_cope_soft_onehot_pos
        self.mix = None
        if site.position.attn_cope_talking_heads:
            start = Uniform(-(heads**-0.5), heads**-0.5)
            self.mix = self.create_parameter([heads, heads], default_initializer=start)  # (to, from)

    def masked_scores(self, scores: Tensor, step: Step) -> Tensor:
        """Add them to (b, h, n, m)."""
        logits = step.kept["position_logits"].astype("float32")  # (b, h, n, p)
        positions = self._positions(scores.astype("float32"))
        bias = (_softly if self.soft else _between)(logits, positions)
        return scores + bias.astype(scores.dtype)

    def _positions(self, scores: Tensor) -> Tensor:
        """The position of each key, (b, h, n, m), from 0 to the last that has an embedding."""
        seen = scores > HIDDEN_BELOW
        if self.mix is not None:
            scores = einsum("oh,bhnm->bonm", self.mix, paddle.where(seen, scores, paddle.zeros([1])))
        gates = paddle.where(seen, F.sigmoid(scores), paddle.zeros([1]))
        return gates.flip(-1).cumsum(axis=-1).flip(-1).clip(max=float(self.last))


def _between(logits: Tensor, positions: Tensor) -> Tensor:
    """Interpolate between the logits, (b, h, n, p), of the two whole positions next to each of (b, h, n, m)."""
    below, above = positions.detach().floor(), positions.detach().ceil()
    part = positions - below
    low, high = (paddle.take_along_axis(logits, at.astype("int64"), axis=-1, broadcast=False) for at in (below, above))
    return low * (1 - part) + high * part


def _softly(logits: Tensor, positions: Tensor) -> Tensor:
    """Mix all logits, (b, h, n, p), by how near their positions are to each of (b, h, n, m)."""
    whole = paddle.arange(logits.shape[-1], dtype="float32")
    far = (positions.unsqueeze(-1) - whole).abs()  # (b, h, n, m, p)
    weights = F.softmax(-far / TEMPERATURE, axis=-1)
    return paddle.matmul(weights, logits.unsqueeze(-1)).squeeze(-1)
