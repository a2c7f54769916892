"""The front end: token ids, or other things with a vector each, to the first hidden state."""

from __future__ import annotations

import math
from typing import cast

import paddle
from paddle import ParamAttr, Tensor, nn
from paddle.nn.initializer import Normal

from ..config import StackOptions
from ..config.options import ContinuousOptions, TokenOptions
from ..errors import InputError
from .attention.cache import PADDING
from .gradients import with_less_gradient
from .linear import Linear
from .norms import make_embedding_norm
from .positions import LearnedPositions, make_position_function


class Embeddings(nn.Layer):
    """What every front end does with its vectors: position embedding added, normed, dropped out, widened to `dim`.

    A subclass makes the vectors; it builds its own parts first, then calls `build_rest`.
    """

    def build_rest(self, width: int, options: StackOptions) -> None:
        """Build what follows the vectors.

        Args:
            width: Width of the vectors.
            options: Everything the model is built from.
        """
        positions = options.position
        self.gradient_share = options.embedding.emb_frac_gradient
        self.unit_length = options.tokens is not None and options.tokens.l2norm_embed
        self.position_embeddings = None
        if positions.adds_learned_positions:
            scale = 1.0 if self.unit_length else positions.position_embedding_scale
            self.position_embeddings = LearnedPositions(positions.max_seq_len, width, scale)
            if self.unit_length:
                _start_small(self.position_embeddings)
        self.position_function = make_position_function(width, positions)
        self.norm = make_embedding_norm(width, options.norm) if options.embedding.post_emb_norm else None
        self.dropout = nn.Dropout(options.embedding.emb_dropout)
        self.project = Linear(width, options.dim, bias=True) if width != options.dim else None

    def finish(self, x: Tensor, position_ids: Tensor) -> Tensor:
        """Turn vectors into the first hidden state.

        Args:
            x: (b, n, width).
            position_ids: (b or 1, n).

        Returns:
            (b, n, d).

        Raises:
            InputError: If a position is outside the table of positions.
        """
        if self.position_embeddings is not None:
            rows = self.position_embeddings.weight.shape[0]
            advice = f"max_seq_len={rows}; shorten the input or count positions from 0"
            added = looked_up(self.position_embeddings, position_ids.clip(min=0), "position_ids", rows, advice)
            x = x + (_to_unit_length(added) if self.unit_length else added)
        if self.position_function is not None:
            x = x + self.position_function(position_ids.clip(min=0), x.dtype)
        if self.norm is not None:
            x = self.norm(x)
        x = self.dropout(with_less_gradient(x, self.gradient_share))
        return x if self.project is None else self.project(x)


class TokenEmbeddings(Embeddings):
    """Token embedding, plus position embedding, normed, dropped out, and widened to `dim`.

    Args:
        options: Everything the model is built from; with a vocabulary.
        type_vocab_size: Number of token types; 0: none.
    """

    def __init__(self, options: StackOptions, *, type_vocab_size: int = 0) -> None:
        super().__init__()
        tokens = cast(TokenOptions, options.tokens)
        width = tokens.emb_dim or options.dim
        initializer = ParamAttr(initializer=Normal(0.0, math.sqrt(2 / width)))
        self.word_embeddings = nn.Embedding(tokens.num_tokens, width, weight_attr=initializer)
        self.token_type_embeddings = None
        if type_vocab_size:
            # As small as those of the tokens that they are added to.
            self.token_type_embeddings = nn.Embedding(type_vocab_size, width, weight_attr=initializer)
        self.build_rest(width, options)
        if self.unit_length:
            _start_small(self.word_embeddings)

    def forward(
        self,
        input_ids: Tensor | None,
        position_ids: Tensor,
        inputs_embeds: Tensor | None = None,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        """Embed a batch.

        Args:
            input_ids: (b, n), or None when inputs_embeds is given.
            position_ids: (b or 1, n).
            inputs_embeds: Token embeddings instead of ids, (b, n, emb_dim).
            token_type_ids: Type of each token, (b, n), if the model knows types; None: 0 for all.

        Returns:
            (b, n, d).

        Raises:
            InputError: If a token id, a position or a type is outside its table.
        """
        x = self.look_up(input_ids) if inputs_embeds is None else inputs_embeds  # (b, n, e)
        if self.token_type_embeddings is not None:
            x = x + _types(self.token_type_embeddings, token_type_ids)
        return self.finish(x, position_ids)

    def look_up(self, input_ids: Tensor) -> Tensor:
        """Return the embeddings of (b, n) token ids: (b, n, e)."""
        rows = self.word_embeddings.weight.shape[0]
        # Paddle takes the id -1 for padding and gives zeros: send negative ids where the kernel refuses them.
        ids = paddle.where(input_ids < 0, paddle.full([1], rows, dtype=input_ids.dtype), input_ids)
        advice = f"num_tokens={rows}; use the tokenizer that belongs to this model"
        found = looked_up(self.word_embeddings, ids, "input_ids", rows, advice)
        return _to_unit_length(found) if self.unit_length else found


def _start_small(table: nn.Embedding) -> None:
    """Draw the vectors so small that a step of training turns them (1910.05895); `initializer_range` leaves them so."""
    Normal(0.0, 1e-5)(table.weight)
    table.own_start = True


def _to_unit_length(x: Tensor) -> Tensor:
    """Bring the last axis of x to length 1; zeros stay zeros."""
    wide = x.astype("float32")
    return (wide * ((wide * wide).sum(axis=-1, keepdim=True) + 1e-24).rsqrt()).astype(x.dtype)


def _types(table: nn.Embedding, token_type_ids: Tensor | None) -> Tensor:
    """The embeddings of the token types, (b, n, e), or that of type 0, (e)."""
    if token_type_ids is None:
        return table.weight[0]
    rows = table.weight.shape[0]
    return looked_up(table, token_type_ids, "token_type_ids", rows, f"type_vocab_size={rows}")


class ContinuousEmbeddings(Embeddings):
    """Vectors projected to `dim`, plus position embedding, normed and dropped out.

    Args:
        options: Everything the model is built from; of vectors.
    """

    def __init__(self, options: StackOptions) -> None:
        super().__init__()
        continuous = cast(ContinuousOptions, options.continuous)
        self.input_proj = None
        if continuous.dim_in is not None:
            self.input_proj = Linear(continuous.dim_in, options.dim, bias=continuous.input_bias)
        self.build_rest(options.dim, options)

    def forward(self, inputs: Tensor, position_ids: Tensor, *, padded: bool) -> Tensor:
        """Embed a batch.

        Args:
            inputs: (b, n, dim_in), or (b, n, d) without a projection.
            position_ids: (b or 1, n), `PADDING` for what is no vector.
            padded: Whether there may be padding. What stands there, nan even, then has no effect.

        Returns:
            (b, n, d).

        Raises:
            InputError: If a position is outside the table of positions.
        """
        if padded:
            blank = paddle.zeros([1], dtype=inputs.dtype)
            inputs = paddle.where((position_ids > PADDING).unsqueeze(-1), inputs, blank)
        return self.finish(inputs if self.input_proj is None else self.input_proj(inputs), position_ids)


def looked_up(table: nn.Embedding, ids: Tensor, name: str, rows: int, advice: str) -> Tensor:
    """Look ids up, and explain an id outside the table: the kernel checks them anyway.

    Args:
        table: The embedding.
        ids: Integer ids.
        name: Name of the argument the ids came in.
        rows: Number of rows of the table.
        advice: What to do.

    Raises:
        InputError: If an id is outside the table.
    """
    try:
        return table(ids)
    except (ValueError, IndexError, RuntimeError) as error:
        raise InputError(f"{name} holds a number outside its table: allowed is 0 to {rows - 1}; {advice}") from error
