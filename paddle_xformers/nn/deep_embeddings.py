"""Deep embeddings: each token of the vocabulary scales, feature by feature, what every feed-forward layer gives."""

from __future__ import annotations

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Constant

from .embeddings import looked_up
from .sizes import sizes


class DeepEmbeddings(nn.Layer):
    """A factor for each token, feed-forward layer and feature; all start at 1.

    Args:
        num_tokens: Size of the vocabulary.
        layers: Number of feed-forward layers.
        dim: Width of the residual stream.
    """

    def __init__(self, num_tokens: int, layers: int, dim: int) -> None:
        super().__init__()
        self.weight = self.create_parameter([num_tokens, layers, dim], default_initializer=Constant(1.0))

    def forward(self, input_ids: Tensor) -> Tensor:
        """Look up the factors of (b, n) token ids: (b, n, layers, d).

        Raises:
            InputError: If an id is outside the vocabulary.
        """
        rows, layers, dim = self.weight.shape
        table = self.weight.reshape([rows, layers * dim])
        found = looked_up(lambda ids: F.embedding(ids, table), input_ids, "input_ids", rows, f"num_tokens={rows}")
        return found.reshape([*sizes(input_ids), layers, dim])

    def resize(self, num_tokens: int) -> None:
        """Change the size of the vocabulary; new tokens have the factor 1.

        Args:
            num_tokens: The new size.
        """
        old = self.weight
        kept = min(num_tokens, old.shape[0])
        self.weight = self.create_parameter([num_tokens, *old.shape[1:]], default_initializer=Constant(1.0))
        self.weight.set_value(paddle.concat([old[:kept], self.weight[kept:]]))


def with_ones_in_front(factors: Tensor | None, x: Tensor) -> Tensor | None:
    """Let what stands in front of the tokens have the factor 1.

    Args:
        factors: (b, n, layers, d), or None.
        x: The input of the stack, (b, t + n, d).

    Returns:
        (b, t + n, layers, d), or None.
    """
    if factors is None:
        return None
    b, n, layers, dim = sizes(factors)
    missing = sizes(x)[1] - n
    if isinstance(missing, int) and missing == 0:
        return factors
    return paddle.concat([paddle.ones([b, missing, layers, dim], dtype=factors.dtype), factors], axis=1)
