"""Keys and values that a caller gives to self attention, such as those of another model, in front of a layer's own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import paddle
from paddle import Tensor

from ..sizes import sizes
from .masks import Mask

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Front:
    """What stands in front of the keys and values of one layer: seen by every query, neither moved nor cached.

    Args:
        pair: Keys, (b, a, t, w), and values, (b, a, t, k), or None: nothing does.
        mask: Which of them may be seen, (b, t): int or bool: where > 0; float: added to the scores; None: all.
    """

    pair: Pair | None = None
    mask: Tensor | None = None

    def before(self, k: Tensor, v: Tensor, mask: Mask, heads: int) -> tuple[Tensor, Tensor, Mask]:
        """Put it in front.

        Args:
            k: Keys of the layer, (b, g, m, w).
            v: Values of the layer, (b, g, m, k).
            mask: Who may look at whom among them.
            heads: Number of query heads, h.

        Returns:
            Keys, values and mask of all t + m; with h heads where those in front have another number than the layer's.
        """
        if self.pair is None:
            return k, v, mask
        keys, values = (joined(front, own, heads) for front, own in zip(self.pair, (k, v), strict=True))
        return keys, values, mask.with_keys_in_front(sizes(keys)[2], self.mask, keys.dtype)


NO_FRONT = Front()


@dataclass(frozen=True)
class Given:
    """What a caller gives to the self attention layers of a forward.

    Args:
        pairs: One entry a layer, or fewer or more: keys and values, or None.
        mask: Which of them may be seen, as in `Front`, in every layer.
        detach: Whether no gradient goes back into them.
        to_top: Whether the last entry is for the last layer, or else the first entry for the first layer.
    """

    pairs: Sequence[Pair | None]
    mask: Tensor | None = None
    detach: bool = False
    to_top: bool = True

    def of_layers(self, layers: int) -> list[Front]:
        """Return what stands in front in each layer, in the order of execution.

        Args:
            layers: Number of self attention layers that run.
        """
        used = list(self.pairs)[-layers:] if self.to_top else list(self.pairs)[:layers]
        nothing = [None] * (layers - len(used))
        return [self._front(pair) for pair in ([*nothing, *used] if self.to_top else [*used, *nothing])]

    def _front(self, pair: Pair | None) -> Front:
        if pair is None:
            return NO_FRONT
        keys, values = pair
        return Front((keys.detach(), values.detach()) if self.detach else (keys, values), self.mask)


def joined(front: Tensor, own: Tensor, heads: int) -> Tensor:
    """Put heads in front of a layer's own, one for one, or written out for every query head.

    Args:
        front: (b, a, t, w).
        own: (b, g, m, w).
        heads: Number of query heads, h.

    Returns:
        (b, g, t + m, w), or (b, h, t + m, w) where a differs from g: query heads of one own head are neighbours, and
        the heads in front are dealt out in turn, first to the first query head of every own head.
    """
    given, groups = front.shape[1], own.shape[1]
    front = front.astype(own.dtype)
    if given != groups:
        each = heads // groups
        turns = [((head % each) * groups + head // each) % given for head in range(heads)]
        front = front.index_select(paddle.to_tensor(turns), axis=1)
        own = own if each == 1 else own.repeat_interleave(each, axis=1)
    return paddle.concat([front, own], axis=2)
