"""Embeddings of further ids of each token, such as its segment, its speaker or its part of speech, by name."""

from __future__ import annotations

import math
from collections.abc import Mapping

from paddle import ParamAttr, Tensor, nn
from paddle.nn.initializer import Normal

from .embeddings import looked_up


class ExtraEmbeddings(nn.Layer):
    """Sums the vectors of further ids, one table for each kind of id.

    The tables start like those of the tokens that they are added to (1810.04805).

    Args:
        sizes: Number of ids of each kind, by name.
        width: Width of the vectors.
    """

    def __init__(self, sizes: Mapping[str, int], width: int) -> None:
        super().__init__()
        initializer = ParamAttr(initializer=Normal(0.0, math.sqrt(2 / width)))
        self.names = tuple(sorted(sizes))  # JSON keeps no order
        self.tables = nn.LayerDict(
            {name: nn.Embedding(sizes[name], width, weight_attr=initializer) for name in self.names}
        )

    def forward(self, ids: Tensor | None) -> Tensor:
        """Look ids up.

        Args:
            ids: One of each kind for each token, (b, n, k), in the alphabetical order of the names; None: 0 for all.

        Returns:
            (b, n, e); without ids (1, 1, e), which is the same for all.

        Raises:
            InputError: If an id is outside its table.
        """
        total = None
        for index, name in enumerate(self.names):
            table = self.tables[name]
            rows = table.weight.shape[0]
            if ids is None:
                found = table.weight[0].reshape([1, 1, -1])
            else:
                advice = f"embed_num_tokens={{{name!r}: {rows}}}"
                found = looked_up(table, ids[:, :, index], f"embed_ids[{name!r}]", rows, advice)
            total = found if total is None else total + found
        return total
