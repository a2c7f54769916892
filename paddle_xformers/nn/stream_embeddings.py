"""Several streams of tokens: the embeddings of the tokens at a place are added up."""

from __future__ import annotations

from typing import cast

import paddle
from paddle import ParamAttr, Tensor, nn
from paddle.nn.initializer import Normal

from ..config import StackOptions
from ..config.options import StreamOptions
from .embeddings import Embeddings, looked_up


class StreamEmbeddings(Embeddings):
    """A table of embeddings for each stream, added up, plus position embedding, normed, dropped out, widened to `dim`.

    Args:
        options: Everything the model is built from; with streams.
        width: Width of the embeddings.
    """

    def __init__(self, options: StackOptions, width: int) -> None:
        super().__init__()
        streams = cast(StreamOptions, options.streams)
        self.stream_names = streams.stream_names
        # Names get an ending: alone they could be those of methods.
        self.tables = nn.LayerDict(
            {
                f"{name}_embed": nn.Embedding(size, width, weight_attr=ParamAttr(initializer=Normal(0.0, 1.0)))
                for name, size in zip(streams.stream_names, streams.stream_num_tokens, strict=True)
            }
        )
        self.build_rest(width, options)

    def forward(
        self,
        input_ids: Tensor | None,
        position_ids: Tensor,
        inputs_embeds: Tensor | None = None,
        *,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
    ) -> Tensor:
        """Embed a batch.

        Args:
            input_ids: One id of each stream at each place, (b, n, s), or None when inputs_embeds is given.
            position_ids: (b or 1, n).
            inputs_embeds: What `look_up` gives instead of ids, (b, n, emb_dim).
            sum_embeds: As in `finish`.
            prepend_embeds: Likewise.

        Returns:
            (b, n, d), or (b, p + n, d) with p vectors in front.

        Raises:
            InputError: If a token id or a position is outside its table.
        """
        x = self.look_up(input_ids) if inputs_embeds is None else inputs_embeds  # (b, n, e)
        return self.finish(x, position_ids, sum_embeds=sum_embeds, prepend_embeds=prepend_embeds)

    def look_up(self, input_ids: Tensor) -> Tensor:
        """Return the sum of the embeddings of (b, n, s) token ids: (b, n, e)."""
        total = None
        for index, name in enumerate(self.stream_names):
            table = self.tables[f"{name}_embed"]
            rows, ids = table.weight.shape[0], input_ids[:, :, index]
            # Paddle takes the id -1 for padding and gives zeros: send negative ids where the kernel refuses them.
            ids = paddle.where(ids < 0, paddle.full([1], rows, dtype=ids.dtype), ids)
            found = looked_up(table, ids, f"input_ids of the stream {name!r}", rows, "see stream_num_tokens")
            total = found if total is None else total + found
        return total
