"""From hidden states to a score for each token: linear, sigsoftmax, or a mixture of softmaxes."""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

import paddle
from paddle import Tensor, nn
from paddle.nn import functional as F
from paddle.nn.initializer import Uniform

from ..config import StackOptions
from ..config.options import OutputOptions, TokenOptions
from .linear import Linear
from .silu import silu
from .sizes import sizes


class LMHead(nn.Layer):
    """From hidden states to logits; the weight is (v, d), as an embedding's, so that it can be tied.

    Args:
        dim: Width of the hidden states.
        width: Number of scores; the size of the vocabulary, as a rule.
        options: What becomes of the products with the weight, and whether the head has a width of its own.
        bias: Whether there is a bias.
        scale: Factor on the logits.
    """

    def __init__(
        self,
        dim: int,
        width: int,
        options: OutputOptions = OutputOptions(),  # noqa: B008 - frozen
        *,
        bias: bool = False,
        scale: float = 1.0,
    ) -> None:
        super().__init__()
        bound = dim**-0.5
        self.options, self.scale = options, scale
        self.weight = self.create_parameter([width, dim], default_initializer=Uniform(-bound, bound))
        self.bias = None
        self._bias_attr = None  # PaddleNLP resizes the bias of a tied head with it
        if bias:
            self.bias = self.create_parameter([width], default_initializer=Uniform(-bound, bound))
        self.mixture = Mixture(dim, options.mixture_of_softmax_k) if options.mixture_of_softmax else None

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (b, n, d) to logits, (b, n, v)."""
        return self._scores(hidden) if self.mixture is None else self.mixture(hidden, self._scores)

    def _scores(self, hidden: Tensor) -> Tensor:
        """Map (..., d) to (..., v)."""
        logits = paddle.matmul(hidden, self.weight, transpose_y=True)
        if self.scale != 1.0:
            logits = logits * self.scale
        if self.bias is not None:
            logits = logits + self.bias
        return logits + F.log_sigmoid(logits) if self.options.sigsoftmax_logits else logits

    def resized(self, width: int) -> LMHead:
        """Return a head of another width with the rows of this one; what does not depend on the width is shared.

        Args:
            width: Number of scores.
        """
        has_bias = self.bias is not None
        head = LMHead(self.weight.shape[1], width, self.options, bias=has_bias, scale=self.scale)
        head.to(dtype=self.weight.dtype)
        head.mixture = self.mixture
        kept = min(width, self.weight.shape[0])
        for new, old in ((head.weight, self.weight), (head.bias, self.bias)):
            if new is not None and old is not None:
                new.set_value(paddle.concat([old[:kept], new[kept:]]))
        return head


class Mixture(nn.Layer):
    """A mixture of softmaxes (1711.03953): several hidden states from one, and a share for each.

    Args:
        dim: Width of the hidden states.
        count: Number of softmaxes.
    """

    def __init__(self, dim: int, count: int) -> None:
        super().__init__()
        self.count = count
        self.states_proj = Linear(dim, count * dim)
        self.shares_proj = Linear(dim, count)

    def forward(self, hidden: Tensor, scores: Callable[[Tensor], Tensor]) -> Tensor:
        """Return the logarithms of the mixed probabilities, (b, n, v), computed in float32.

        Args:
            hidden: (b, n, d).
            scores: From hidden states, (..., d), to logits, (..., v).
        """
        b, n, d = sizes(hidden)
        states = self.states_proj(hidden).reshape([b, n, self.count, d])
        shares = F.log_softmax(self.shares_proj(hidden).astype("float32"), axis=-1)  # (b, n, k)
        logs = F.log_softmax(scores(states).astype("float32"), axis=-1)  # (b, n, k, v)
        return paddle.logsumexp(logs + shares.unsqueeze(-1), axis=2).astype(hidden.dtype)


class NextEmbedding(nn.Layer):
    """Predicts the embedding of the next token from a hidden state.

    Args:
        dim: Width of both.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.up_proj = Linear(dim, dim)
        self.down_proj = Linear(dim, dim)

    def forward(self, hidden: Tensor) -> Tensor:
        """Map (b, n, d) to (b, n, d)."""
        return self.down_proj(silu(self.up_proj(hidden)))


def make_lm_head(options: StackOptions) -> LMHead:
    """Build the output head that the fields of the vocabulary ask for; the caller ties it.

    Args:
        options: Everything the model is built from; with a vocabulary.
    """
    tokens, output, dim = cast(TokenOptions, options.tokens), options.output, options.dim
    scale = (tokens.tie_embedding_scale or dim**-0.5) if tokens.tie_word_embeddings else 1.0
    return LMHead(dim, output.logits_dim or tokens.num_tokens, output, bias=tokens.logits_bias, scale=scale)


def entropy(logits: Tensor) -> Tensor:
    """Return the entropy in nats of what softmax makes of (..., v), computed in float32: (...).

    Args:
        logits: (..., v).
    """
    logs = F.log_softmax(logits.astype("float32"), axis=-1)
    return -(logs.exp() * logs).sum(axis=-1)
