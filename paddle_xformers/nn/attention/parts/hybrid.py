"""A module beside attention (Hymba, 2411.13676): both look at the same input, and their outputs are mixed head by head.

The module sees the tokens of a row one after the other, padding behind them, and says what it knows of them so far, so
that it goes on from there when decoding. With a fold of a, each row is taken for a sequences: tokens 0, a, 2a ...,
tokens 1, a + 1 ..., and so on.
"""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Constant

from ....config.registry import make_part, provide
from ...linear import Linear
from ...picking import picked
from ...shift import Line, lined_up, put_back
from ...sizes import sizes
from ..cache import State
from ..heads import split
from .base import AttentionPart, Site, Step
from .head_norms import head_rms


class GRU(nn.Layer):
    """One GRU over the tokens (1406.1078); its gates stand in the order reset, update, candidate.

    Args:
        dim: Width of the input.
        width: Width of the output.
    """

    leaves = 1

    def __init__(self, dim: int, width: int) -> None:
        super().__init__()
        self.width = width
        self.gru = nn.RNN(nn.GRUCell(dim, width))

    def forward(self, x: Tensor, lengths: Tensor | None, state: State) -> tuple[Tensor, State]:
        """Go over (b, n, d), from the state before, (b, width): (b, n, width), and the state after the last token."""
        b = sizes(x)[0]
        start = state[0].astype(x.dtype) if state else paddle.zeros([b, self.width], dtype=x.dtype)
        out, last = self.gru(x, start)
        if lengths is not None:  # the state is the last output, padding left out
            last = picked(paddle.concat([start.unsqueeze(1), out], axis=1), lengths.unsqueeze(-1)).squeeze(1)
        return out, (last,)


provide("attn_hybrid_module", {"gru": GRU})


class Hybrid(AttentionPart):
    """What all heads attended and what the module gives, each normed head by head, then averaged or mixed by a gate.

    Args:
        site: The attention layer around it.
    """

    def __init__(self, site: Site) -> None:
        super().__init__()
        options = site.options
        self.heads, self.fold = options.heads, options.attn_hybrid_fold_axial_dim
        self.module = make_part("attn_hybrid_module", options.attn_hybrid_module, site.dim, site.inner)
        self.leaves = getattr(self.module, "leaves", 0)
        shape = [options.heads, 1, options.value_dim]
        self.attn_weight = self.create_parameter(shape, default_initializer=Constant(0.0))
        self.module_weight = self.create_parameter(shape, default_initializer=Constant(0.0))
        self.mix_proj = Linear(site.dim, options.heads) if options.attn_hybrid_learned_mix else None

    def attended(self, out: Tensor, step: Step) -> Tensor:
        """Mix with (b, h, n, k)."""
        beside, step.state[self] = self._beside(step.x, step.call.line, step.past.get(self, ()))
        attended = head_rms(out, self.attn_weight)
        beside = head_rms(split(beside, self.heads), self.module_weight)  # (b, h, n, k)
        if self.mix_proj is None:
            return (attended + beside) * 0.5
        mix = F.sigmoid(self.mix_proj(step.x)).transpose([0, 2, 1]).unsqueeze(-1)  # (b, h, n, 1)
        return attended + (beside - attended) * mix

    def _beside(self, x: Tensor, line: Line | None, past: State) -> tuple[Tensor, State]:
        """What the module gives, (b, n, h * k), and what it keeps."""
        lengths = None
        if line is not None:
            x, lengths = lined_up(x, line), line.count.squeeze(-1)
        out, state = self._folded(x, lengths, past) if self.fold > 1 else self.module(x, lengths, past)
        return (out if line is None else put_back(out, line)), tuple(state)

    def _folded(self, x: Tensor, lengths: Tensor | None, past: State) -> tuple[Tensor, State]:
        """The module over a sequences a row; what is kept, (b, a, ...), begins with that of the next token."""
        (b, n, d), a = sizes(x), self.fold
        steps = (n + a - 1) // a
        count = paddle.full([b], n, dtype="int64") if lengths is None else lengths
        whole = paddle.concat([x, paddle.zeros([b, a - 1, d], dtype=x.dtype)], axis=1)[:, : steps * a]
        rows = whole.reshape([b, steps, a, d]).transpose([0, 2, 1, 3]).reshape([-1, steps, d])  # (b * a, n / a, d)
        lane = paddle.arange(a)
        lane_lengths = ((count.unsqueeze(-1) - lane + a - 1) // a).clip(min=0).reshape([-1])  # (b * a)
        out, state = self.module(rows, lane_lengths, tuple(leaf.flatten(0, 1) for leaf in past))
        out = out.reshape([b, a, steps, -1]).transpose([0, 2, 1, 3]).reshape([b, steps * a, -1])[:, :n]
        next_lanes = (lane + count.unsqueeze(-1)) % a + paddle.arange(b).unsqueeze(-1) * a  # (b, a)
        return out, tuple(_picked(leaf, next_lanes, b, a) for leaf in state)


def _picked(leaf: Tensor, rows: Tensor, b: Any, a: int) -> Tensor:
    """Some rows, (b, a), of a leaf, (b * a, ...): (b, a, ...)."""
    return leaf.gather(rows.reshape([-1])).reshape([b, a, *leaf.shape[1:]])
