"""Continuing several streams together: at each step one new token of each, drawn independently given the past."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor
from paddle.nn import functional as F

from ...errors import InputError
from ...nn.places import kept_tokens
from ...nn.pooling import last_token
from ..continuing import check_further, continued
from .inputs import Streams, stacked


class StreamGeneration:
    """Generation for models over several streams; mixed in before PretrainedModel, whose own is for one stream."""

    # From PretrainedModel.
    config: Any

    def generate(
        self,
        input_ids: Streams,
        max_new_tokens: int,
        *,
        attention_mask: Tensor | None = None,
        temperature: float = 0.0,
        top_k: int = 0,
        use_cache: bool = True,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        **others: Any,
    ) -> dict[str, Tensor]:
        """Continue all streams; dropout is off meanwhile.

        Args:
            input_ids: Prompts: a mapping from the names of the streams to (b, n), or (b, n, s).
            max_new_tokens: Number of places to append.
            attention_mask: Which places are no padding, (b, n), on either side.
            temperature: Divides the logits that tokens are drawn from (`paddle.seed` sets the random numbers); 0 takes
                the most likely token of each stream.
            top_k: Draw from the k most likely tokens only; 0: from all.
            use_cache: Keep keys and values; False computes them all anew at each step, to the same result.
            mems: Mems of the segment before.
            encoder_hidden_states: What cross attention looks at, (b, m, c).
            encoder_attention_mask: Mask over it.
            condition: What adaptive norms and scales depend on, (b, c), or (b, all, c) for each of the places that
                there will be.
            sum_embeds: Added to the embeddings of the prompt, (b, n, emb_dim); to those of new places nothing is added.
            prepend_embeds: Vectors in front of the prompt, (b, p, emb_dim).
            prepend_mask: Which of them are no padding, (b, p).
            **others: self_attn_kv_mask of the prompt, and what is put into layers, by the names of
                `paddle_xformers.models.put_in.PUT_IN`, for all of the places that there will be; see
                `paddle_xformers.models.extras.Extras`.

        Returns:
            The new tokens of each stream by its name, (b, max_new_tokens).

        Raises:
            InputError: If an argument does not fit the model.
        """
        names = self.config.stream_names
        prompt: Any = stacked("input_ids", input_ids, names)
        self._check_generation(prompt, max_new_tokens, attention_mask, temperature, top_k)
        check_further(others, prompt.shape[1] + max_new_tokens)

        def drawn(output: Any, mask: Tensor | None) -> Tensor:
            of_streams = [_drawn(_last(output.logits[name], mask), temperature, top_k) for name in names]
            return paddle.stack(of_streams, axis=-1).astype(prompt.dtype)  # (b, 1, s)

        new = continued(
            self,
            prompt,
            max_new_tokens,
            drawn,
            attention_mask=attention_mask,
            use_cache=use_cache,
            given={
                "mems": mems,
                "encoder_hidden_states": encoder_hidden_states,
                "encoder_attention_mask": encoder_attention_mask,
                "condition": condition,
                "sum_embeds": sum_embeds,
                "prepend_embeds": prepend_embeds,
                "prepend_mask": prepend_mask,
                **others,
            },
        )
        return {name: new[:, :, index] for index, name in enumerate(names)}

    def _check_generation(self, ids: Any, new: int, mask: Tensor | None, temperature: float, top_k: int) -> None:
        if ids is None:
            raise InputError("generate() continues token ids: give input_ids, at least one place")
        for index, (name, size) in enumerate(zip(self.config.stream_names, self.config.stream_num_tokens, strict=True)):
            low, high = int(ids[:, :, index].min()), int(ids[:, :, index].max())
            if low < 0 or high >= size:
                raise InputError(
                    f"input_ids of the stream {name!r} holds the id {low if low < 0 else high}; allowed is 0 to "
                    f"{size - 1} (stream_num_tokens - 1)"
                )
        if not isinstance(new, int) or new < 1:
            raise InputError(f"max_new_tokens={new!r} is not allowed; ask for at least 1 token")
        limit, prompt = self.config.max_seq_len, ids.shape[1]
        if limit and prompt + new > limit:
            raise InputError(
                f"a prompt of {prompt} places and max_new_tokens={new} make {prompt + new}, more than "
                f"max_seq_len={limit}; shorten the prompt or lower max_new_tokens to at most {max(limit - prompt, 0)}"
            )
        if not temperature >= 0:
            raise InputError(f"temperature={temperature!r} is not allowed; give a number of at least 0")
        if not isinstance(top_k, int) or top_k < 0:
            raise InputError(f"top_k={top_k!r} is not allowed; give a number of tokens, or 0 for all")
        if top_k and not temperature:
            raise InputError(f"top_k={top_k} has no effect while temperature=0, which draws nothing; leave it out")
        if mask is not None and mask.ndim != 2:
            raise InputError(
                f"attention_mask has shape {list(mask.shape)}; generate() takes one that tells padding, (batch, length)"
            )


def _drawn(logits: Tensor, temperature: float, top_k: int) -> Tensor:
    """One token of each row, (b, 1); logits is (b, v)."""
    if temperature == 0:
        return logits.argmax(axis=-1, keepdim=True)
    logits = logits.astype("float32") / temperature
    if top_k:
        least = logits.topk(min(top_k, logits.shape[-1]), axis=-1)[0][:, -1:]
        logits = paddle.where(logits < least, paddle.full([1], float("-inf")), logits)
    return paddle.multinomial(F.softmax(logits, axis=-1))


def _last(x: Tensor, mask: Tensor | None) -> Tensor:
    """What stands at the last token of each row, (b, v), padding behind it passed over; x is (b, n, v)."""
    keep = kept_tokens(mask)
    return last_token(x, None if keep is None or x.shape[1] == 1 else keep[:, -x.shape[1] :])
