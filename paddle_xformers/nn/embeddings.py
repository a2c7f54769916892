"""The front end: token ids, or other things with a vector each, to the first hidden state."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, cast

import paddle
from paddle import ParamAttr, Tensor, nn
from paddle.nn.initializer import Normal

from ..config import StackOptions
from ..config.options import ContinuousOptions, TokenOptions
from ..config.registry import make_function, make_part, provide
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

    def placed(self, x: Tensor, position_ids: Tensor, sum_embeds: Tensor | None = None) -> Tensor:
        """Add positions to vectors, and norm them.

        Args:
            x: (b, n, width).
            position_ids: (b or 1, n).
            sum_embeds: What is added as well, (b, n, width), or None.

        Returns:
            (b, n, width).

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
        if sum_embeds is not None:
            x = x + sum_embeds.astype(x.dtype)
        return x if self.norm is None else self.norm(x)

    def finish(
        self,
        x: Tensor,
        position_ids: Tensor,
        *,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
    ) -> Tensor:
        """Turn vectors into the first hidden state.

        Args:
            x: (b, n, width).
            position_ids: (b or 1, n).
            sum_embeds: Added to them, (b, n, width).
            prepend_embeds: Put in front of them without positions and norm, (b, p, width).

        Returns:
            (b, n, d), or (b, p + n, d).

        Raises:
            InputError: If a position is outside the table of positions.
        """
        x = self.placed(x, position_ids, sum_embeds)
        if prepend_embeds is not None:
            x = paddle.concat([prepend_embeds.astype(x.dtype), x], axis=1)
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
        self.std = math.sqrt(2 / width)  # of new rows
        self.word_embeddings = make_part("token_emb", tokens.token_emb, tokens.num_tokens, width, tokens)
        self.transform = None
        if tokens.transform_token_embeds is not None:
            self.transform = make_function("transform_token_embeds", tokens.transform_token_embeds, width, tokens)
        self.token_type_embeddings = None
        if type_vocab_size:
            # As small as those of the tokens that they are added to.
            self.token_type_embeddings = _table(type_vocab_size, width)
        self.build_rest(width, options)
        if self.unit_length and isinstance(self.word_embeddings, nn.Embedding):
            _start_small(self.word_embeddings)

    def forward(
        self,
        input_ids: Tensor | None,
        position_ids: Tensor,
        inputs_embeds: Tensor | None = None,
        token_type_ids: Tensor | None = None,
        *,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        token_emb_kwargs: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Embed a batch.

        Args:
            input_ids: (b, n), or None when inputs_embeds is given.
            position_ids: (b or 1, n).
            inputs_embeds: Token embeddings instead of ids, (b, n, emb_dim).
            token_type_ids: Type of each token, (b, n), if the model knows types; None: 0 for all.
            sum_embeds: As in `finish`.
            prepend_embeds: Likewise.
            token_emb_kwargs: What a registered embedder is called with beside the ids.

        Returns:
            (b, n, d), or (b, p + n, d) with p vectors in front.

        Raises:
            InputError: If a token id, a position or a type is outside its table, or there is no embedder to take
                token_emb_kwargs.
        """
        self.check_told(token_emb_kwargs, inputs_embeds)
        x = self.look_up(input_ids, told=token_emb_kwargs) if inputs_embeds is None else inputs_embeds  # (b, n, e)
        if self.transform is not None:
            x = self.transform(x)
        if self.token_type_embeddings is not None:
            x = x + _types(self.token_type_embeddings, token_type_ids)
        return self.finish(x, position_ids, sum_embeds=sum_embeds, prepend_embeds=prepend_embeds)

    def read(
        self,
        input_ids: Tensor | None,
        position_ids: Tensor,
        inputs_embeds: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        told: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Return the embeddings with their positions, normed, as they are before dropout and `project`: (b, n, e).

        Args:
            input_ids: (b, n), or None when inputs_embeds is given.
            position_ids: (b or 1, n).
            inputs_embeds: Token embeddings instead of ids, (b, n, e).
            sum_embeds: What is added to them, (b, n, e), or None.
            told: What a registered embedder is called with beside the ids, or None.
        """
        x = self.look_up(cast(Tensor, input_ids), told=told) if inputs_embeds is None else inputs_embeds
        x = x if self.transform is None else self.transform(x)
        return self.placed(x, position_ids, sum_embeds)

    def check_told(self, told: Mapping[str, Any] | None, inputs_embeds: Tensor | None) -> None:
        """Refuse to tell an embedder more where there is none of the user's own that reads ids.

        Args:
            told: What it shall be called with beside the ids, or None.
            inputs_embeds: Token embeddings instead of ids, or None.

        Raises:
            InputError: If there is something to tell and nobody to take it.
        """
        if told and (inputs_embeds is not None or isinstance(self.word_embeddings, nn.Embedding)):
            raise InputError(
                f"token_emb_kwargs={list(told)} are for a registered embedder that reads input_ids "
                "(token_emb='my_embedder' in the configuration); leave them out"
            )

    def look_up(self, input_ids: Tensor, *, told: Mapping[str, Any] | None = None) -> Tensor:
        """Return the embeddings of (b, n) token ids, (b, n, e); a registered embedder may be told more."""
        if not isinstance(self.word_embeddings, nn.Embedding):
            found = self.word_embeddings(input_ids, **(told or {}))
            return _to_unit_length(found) if self.unit_length else found
        rows = self.word_embeddings.weight.shape[0]
        # Paddle takes the id -1 for padding and gives zeros: send negative ids where the kernel refuses them.
        ids = paddle.where(input_ids < 0, paddle.full([1], rows, dtype=input_ids.dtype), input_ids)
        advice = f"num_tokens={rows}; use the tokenizer that belongs to this model"
        found = looked_up(self.word_embeddings, ids, "input_ids", rows, advice)
        return _to_unit_length(found) if self.unit_length else found


def _table(rows: int, width: int, options: TokenOptions | None = None) -> nn.Embedding:
    """A table of vectors."""
    return nn.Embedding(rows, width, weight_attr=ParamAttr(initializer=Normal(0.0, math.sqrt(2 / width))))


provide("token_emb", {"lookup": _table})


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

    def forward(
        self,
        inputs: Tensor,
        position_ids: Tensor,
        *,
        padded: bool,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
    ) -> Tensor:
        """Embed a batch.

        Args:
            inputs: (b, n, dim_in), or (b, n, d) without a projection.
            position_ids: (b or 1, n), `PADDING` for what is no vector.
            padded: Whether there may be padding. What stands there, nan even, then has no effect.
            sum_embeds: As in `finish`.
            prepend_embeds: Likewise.

        Returns:
            (b, n, d), or (b, p + n, d) with p vectors in front.

        Raises:
            InputError: If a position is outside the table of positions.
        """
        if padded:
            blank = paddle.zeros([1], dtype=inputs.dtype)
            inputs = paddle.where((position_ids > PADDING).unsqueeze(-1), inputs, blank)
        return self.finish(
            inputs if self.input_proj is None else self.input_proj(inputs),
            position_ids,
            sum_embeds=sum_embeds,
            prepend_embeds=prepend_embeds,
        )


def looked_up(table: Callable[[Tensor], Tensor], ids: Tensor, name: str, rows: int, advice: str) -> Tensor:
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
