"""From the hidden states of a sequence to one vector."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Normal

from ..config.options import AttentionOptions, EncoderOptions
from ..config.pooling import pooling_stack
from .attention.attention import Attention
from .attention.call import AttentionCall
from .attention.masks import make_mask
from .attention.parts import Site
from .calls import StackCall
from .linear import Linear
from .sizes import sizes
from .stack import Stack


def first_token(hidden: Tensor, keep: Tensor | None) -> Tensor:
    """Return the state of the first token, whatever padding stands before it.

    Args:
        hidden: (b, n, d).
        keep: Which places are tokens, (b, n), boolean; None: all.

    Returns:
        (b, d); zeros for a row without tokens.
    """
    if keep is None:
        return hidden[:, 0]
    return _chosen(hidden, keep & (keep.astype("int64").cumsum(axis=-1) == 1))


def last_token(hidden: Tensor, keep: Tensor | None) -> Tensor:
    """Return the state of the last token, whatever padding stands behind it.

    Args:
        hidden: (b, n, d).
        keep: Which places are tokens, (b, n), boolean; None: all.

    Returns:
        (b, d); zeros for a row without tokens.
    """
    if keep is None:
        return hidden[:, -1]
    counted = keep.astype("int64").cumsum(axis=-1)
    return _chosen(hidden, keep & (counted == counted[:, -1:]))


def mean_of_tokens(hidden: Tensor, keep: Tensor | None) -> Tensor:
    """Return the mean over tokens.

    Args:
        hidden: (b, n, d).
        keep: Which places are tokens, (b, n), boolean; None: all.

    Returns:
        (b, d); zeros for a row without tokens.
    """
    if keep is None:
        return hidden.mean(axis=1)
    count = keep.astype(hidden.dtype).sum(axis=-1, keepdim=True)
    return _chosen(hidden, keep) / count.clip(min=1)


def _chosen(hidden: Tensor, places: Tensor) -> Tensor:
    """Sum over some places of each row: (b, n, d) and (b, n) to (b, d)."""
    return paddle.matmul(places.astype(hidden.dtype).unsqueeze(1), hidden).squeeze(1)


class AttentionPool(nn.Layer):
    """Learned queries attend to the tokens (the pooling of 1810.00825), once or through several blocks.

    Args:
        dim: Width of the hidden states.
        attention: Number and width of the heads, and the kernel.
        options: The encoder fields: number and width of what is pooled, and of blocks.
    """

    def __init__(self, dim: int, attention: AttentionOptions, options: EncoderOptions | None = None) -> None:
        super().__init__()
        options = options or EncoderOptions()
        width = options.dim_pooled_tokens or dim
        shape = [options.num_pooled_tokens, width]
        self.queries = self.create_parameter(shape, default_initializer=Normal(0.0, 0.01))
        self.attn = self.stack = None
        if options.attn_pool_depth > 1:
            self.stack = Stack(pooling_stack(dim, options, attention))
        else:
            plain = AttentionOptions(
                heads=attention.heads, attn_dim_head=attention.attn_dim_head, attn_kernel=attention.attn_kernel
            )
            self.attn = Attention(Site(width, dim, plain, kind="c"))

    def forward(self, hidden: Tensor, keep: Tensor | None) -> Tensor:
        """Pool (b, n, d) to (b, p * w); a row without tokens gives zeros where there is a single attention."""
        b, n, _ = sizes(hidden)
        p, w = self.queries.shape
        queries = self.queries.unsqueeze(0).expand([b, p, w])
        if self.stack is not None:
            call = StackCall(context=hidden, context_mask=keep)
            pooled = self.stack(queries, paddle.arange(p).unsqueeze(0), call).hidden
        else:
            attn: Any = self.attn
            mask = make_mask(keep, n=p, m=n, causal=False, dtype=hidden.dtype)
            pooled = attn(queries, AttentionCall(mask), source=hidden).output  # (b, p, w)
        return pooled.flatten(start_axis=1)


_SIMPLE: dict[str, Callable[[Tensor, Tensor | None], Tensor]] = {"cls": first_token, "mean": mean_of_tokens}


class Pooler(nn.Layer):
    """The vector of a sequence, as the fields of the encoder family ask for it.

    Args:
        dim: Width of the hidden states.
        options: The encoder fields; `pooler` is not none.
        attention: Heads of the attention, for attention pooling.
    """

    def __init__(self, dim: int, options: EncoderOptions, attention: AttentionOptions) -> None:
        super().__init__()
        self.pool = _SIMPLE.get(options.pooler)
        self.attention = AttentionPool(dim, attention, options) if options.pooler == "attention" else None
        width = options.pooled_width(dim)
        self.dense = Linear(width, width, bias=True) if options.pooler_dense else None
        self.normalize = options.pooler_normalize

    def forward(self, hidden: Tensor, keep: Tensor | None) -> Tensor:
        """Pool hidden states.

        Args:
            hidden: (b, n, d).
            keep: Which places are tokens, (b, n), boolean; None: all.

        Returns:
            (b, d); (b, p * w) for p pooled tokens of width w.
        """
        pool: Any = self.pool or self.attention
        pooled = pool(hidden, keep)
        if self.dense is not None:
            pooled = paddle.tanh(self.dense(pooled))
        return F.normalize(pooled, axis=-1) if self.normalize else pooled
