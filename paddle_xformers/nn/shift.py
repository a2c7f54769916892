"""Token shift (2106.07477): some features of a layer's input come from the tokens next to it.

The input is cut along the features into chunks of equal width, each moved by another number of tokens; zeros move in at
the ends, and what the cut leaves over stays. Padding is no neighbour: a token's neighbour is the next token of its row,
wherever padding stands. So tokens are first lined up, padding behind them, and afterwards put back.
"""

from __future__ import annotations

from dataclasses import dataclass

import paddle
from paddle import Tensor, nn

from .picking import picked
from .sizes import sizes


@dataclass(frozen=True)
class Line:
    """How to line up the new tokens of each row, with its padding behind them; made once a forward.

    Args:
        valid: Which places hold a token, (b, n), boolean.
        order: The place of each one in the line, (b, n).
        back: Its inverse: where each place stands in the line, (b, n).
        count: Number of tokens of each row, (b, 1).
    """

    valid: Tensor
    order: Tensor
    back: Tensor
    count: Tensor


def line_up(valid: Tensor) -> Line:
    """Return the line of the tokens.

    Args:
        valid: Which places hold a token, (b, n), boolean.
    """
    tokens = valid.astype("int64")
    count = tokens.sum(axis=1, keepdim=True)
    back = paddle.where(valid, tokens.cumsum(axis=1), count + (1 - tokens).cumsum(axis=1)) - 1
    return Line(valid, back.argsort(axis=1), back, count)


def lined_up(x: Tensor, line: Line) -> Tensor:
    """Return (b, n, d) with the tokens of each row in front, and zeros in the place of padding behind them."""
    return picked(x * line.valid.unsqueeze(-1).astype(x.dtype), line.order)


def put_back(x: Tensor, line: Line) -> Tensor:
    """Return (b, n, d) in the order that it had before `lined_up`."""
    return picked(x, line.back)


class TokenShift(nn.Layer):
    """Chunk j of the features comes from j tokens before; in a bidirectional stack the first chunks come from behind.

    Args:
        dim: Width of the input.
        reach: Largest shift; a causal stack has `reach + 1` chunks, a bidirectional one `2 * reach + 1`.
        causal: Whether nothing may come from later tokens.
    """

    def __init__(self, dim: int, reach: int, *, causal: bool) -> None:
        super().__init__()
        self.reach = reach
        self.causal = causal
        shifts = range(0 if causal else -reach, reach + 1)
        width = dim // len(shifts)
        ends = [(shift, at * width, (at + 1) * width) for at, shift in enumerate(shifts)]
        left_over = (0, width * len(shifts), dim)
        self.chunks = [*ends, left_over] if left_over[1] < dim else ends  # (shift, first feature, end)

    def forward(
        self, x: Tensor, line: Line | None = None, before: tuple[Tensor, ...] = ()
    ) -> tuple[Tensor, tuple[Tensor, ...]]:
        """Shift the features.

        Args:
            x: The normed input of a layer, (b, n, d).
            line: How its tokens line up; None: there is no padding among them.
            before: What the call before kept, or nothing.

        Returns:
            The shifted input, (b, n, d), and what the next call needs, if causal: the last inputs, (b, reach, d).
        """
        b, _, d = sizes(x)
        edge = paddle.zeros([b, self.reach, d], dtype=x.dtype)
        front = before[0].astype(x.dtype) if before else edge
        tokens = x if line is None else lined_up(x, line)
        behind = 0 if self.causal else self.reach
        row = paddle.concat([front, tokens] if self.causal else [front, tokens, edge], axis=1)
        moved = [row[:, self.reach - shift : -(behind + shift) or None, start:end] for shift, start, end in self.chunks]
        shifted = paddle.concat(moved, axis=-1)  # (b, n, d)
        if line is not None:
            shifted = put_back(shifted, line)
        if not self.causal:
            return shifted, ()
        if line is None:
            return shifted, (row[:, -self.reach :],)
        return shifted, (picked(row, line.count + paddle.arange(self.reach)),)  # the last tokens, before the padding
