"""xVal (2310.02989): the embedding of a number is that of one token, multiplied by the number."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

import paddle
from paddle import Tensor, nn
from paddle.nn.initializer import Normal

from ..config import StackOptions
from ..config.options import NumberOptions
from .embeddings import TokenEmbeddings


class NumberEmbeddings(TokenEmbeddings):
    """Token embeddings, of which that of the token for numbers is multiplied by the number.

    Args:
        options: Everything the model is built from; with a vocabulary and numbers.
    """

    def __init__(self, options: StackOptions) -> None:
        super().__init__(options)
        self.std = 1.0
        if isinstance(self.word_embeddings, nn.Embedding) and not self.unit_length:
            Normal(0.0, self.std)(self.word_embeddings.weight)
        self.numerical_token_id = cast(NumberOptions, options.numbers).numerical_token_id

    def forward(
        self,
        input_ids: Tensor | None,
        position_ids: Tensor,
        inputs_embeds: Tensor | None = None,
        input_numbers: Tensor | None = None,
        *,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        token_emb_kwargs: Mapping[str, Any] | None = None,
    ) -> Tensor:
        """Embed a batch.

        Args:
            input_ids: (b, n), or None when inputs_embeds is given.
            position_ids: (b or 1, n).
            inputs_embeds: What `look_up` gives instead of ids and numbers, (b, n, emb_dim).
            input_numbers: The numbers, (b, n); what stands at other tokens, nan even, has no effect. None: ones.
            sum_embeds: As in `finish`.
            prepend_embeds: Likewise.
            token_emb_kwargs: What a registered embedder is called with beside the ids.

        Returns:
            (b, n, d).

        Raises:
            InputError: If a token id or a position is outside its table, or there is no embedder to take
                token_emb_kwargs.
        """
        self.check_told(token_emb_kwargs, inputs_embeds)
        if input_ids is not None:
            inputs_embeds = self.look_up(input_ids, input_numbers, told=token_emb_kwargs)
        return super().forward(None, position_ids, inputs_embeds, sum_embeds=sum_embeds, prepend_embeds=prepend_embeds)

    def look_up(
        self, input_ids: Tensor, input_numbers: Tensor | None = None, *, told: Mapping[str, Any] | None = None
    ) -> Tensor:
        """Return the embeddings of (b, n) token ids, multiplied by their numbers, (b, n): (b, n, e)."""
        found = super().look_up(input_ids, told=told)
        if input_numbers is None:
            return found
        one = paddle.ones([1], dtype=found.dtype)
        factors = paddle.where(input_ids == self.numerical_token_id, input_numbers.astype(found.dtype), one)
        return found * factors.unsqueeze(-1)
