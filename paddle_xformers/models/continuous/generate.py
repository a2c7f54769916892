"""Continuing sequences of vectors: the predicted vector is the next input."""

from __future__ import annotations

from typing import Any

import paddle
from paddle import Tensor

from ...errors import InputError
from ...nn.places import kept_tokens, mask_of_lengths
from ..continuing import check_further, continued
from .inputs import check_lengths, check_vectors


class VectorGeneration:
    """Generation for causal models over vectors; mixed in before PretrainedModel, whose own is for tokens."""

    # From PretrainedModel.
    config: Any

    def generate(
        self,
        inputs: Tensor,
        max_new_tokens: int,
        *,
        attention_mask: Tensor | None = None,
        lens: Tensor | None = None,
        temperature: float = 1.0,
        use_cache: bool = True,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        condition: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        **others: Any,
    ) -> Tensor:
        """Continue sequences, each new vector being the prediction at the place before it.

        A probabilistic model draws it from the predicted distribution (`paddle.seed` sets the random numbers). Dropout
        is off meanwhile.

        Args:
            inputs: Vectors to continue, (b, n, dim_in).
            max_new_tokens: Number of vectors to append.
            attention_mask: Which of them are no padding, (b, n), on either side.
            lens: Number of vectors of each row, (b), in place of a mask.
            temperature: Factor on the standard deviation of a probabilistic model; 0 takes the means.
            use_cache: Keep keys and values; False computes them all anew at each step, to the same result.
            mems: Mems of the segment before.
            encoder_hidden_states: What cross attention looks at, (b, m, c).
            encoder_attention_mask: Mask over it.
            condition: What adaptive norms and scales depend on, (b, c), or (b, all, c) for each of the vectors that
                there will be.
            sum_embeds: Added to the embeddings of what came in, (b, n, d); to those of new vectors nothing is added.
            prepend_embeds: Vectors in front, (b, p, d).
            prepend_mask: Which of them are no padding, (b, p).
            **others: self_attn_kv_mask of what came in, and what is put into layers, by the names of
                `paddle_xformers.models.put_in.PUT_IN`, for all of the vectors that there will be; see
                `paddle_xformers.models.extras.Extras`.

        Returns:
            The new vectors, (b, max_new_tokens, dim_out), without those that came in.

        Raises:
            InputError: If the model cannot continue sequences, or an argument does not fit it.
        """
        self._check_generation(inputs, max_new_tokens, attention_mask, temperature)
        check_further(others, inputs.shape[1] + max_new_tokens)
        if lens is not None:
            check_lengths(lens, inputs.shape[0], attention_mask, None)
            attention_mask = mask_of_lengths(lens, inputs.shape[1])
        return continued(
            self,
            inputs,
            max_new_tokens,
            lambda output, mask: _drawn(output, mask, temperature),
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

    def _check_generation(self, inputs: Tensor, new: int, attention_mask: Tensor | None, temperature: float) -> None:
        config = self.config
        if not config.causal:
            raise InputError("generate() needs a causal model, but causal=False; set causal=True and train it so")
        if not config.predicts_next:
            raise InputError(
                f"generate() needs a model that predicts the next vector, but regression_target="
                f"{config.regression_target!r}; set regression_target='next' and train it so"
            )
        if config.width_in != config.width_out:
            raise InputError(
                f"generate() feeds predictions back, but they have width {config.width_out} (dim_out, or dim) and "
                f"inputs {config.width_in} (dim_in, or dim); make them equal"
            )
        _, prompt = check_vectors(inputs, config.width_in)
        if not isinstance(new, int) or new < 1:
            raise InputError(f"max_new_tokens={new!r} is not allowed; ask for at least 1 vector")
        limit = config.max_seq_len
        if limit and prompt + new > limit:
            raise InputError(
                f"{prompt} vectors and max_new_tokens={new} make {prompt + new}, more than max_seq_len={limit}; "
                f"shorten the input or lower max_new_tokens to at most {max(limit - prompt, 0)}"
            )
        if not temperature >= 0:
            raise InputError(f"temperature={temperature!r} is not allowed; give a number of at least 0")
        if temperature != 1 and not config.probabilistic:
            raise InputError(f"temperature={temperature!r} has no effect while probabilistic=False; leave it out")
        if attention_mask is not None and attention_mask.ndim != 2:
            raise InputError(
                f"attention_mask has shape {list(attention_mask.shape)}; generate() takes one that tells padding, "
                "(batch, length)"
            )


def _drawn(output: Any, mask: Tensor | None, temperature: float) -> Tensor:
    """The vector after the last one of each row, (b, 1, dim_out).

    Args:
        output: What the model gave for the vectors of this step.
        mask: Which of all vectors so far are no padding, (b, all), or None.
        temperature: Factor on the standard deviation.
    """
    mean, variance = _last(output.predictions, mask), output.variances
    if variance is None or temperature == 0:
        return mean
    return mean + paddle.randn(mean.shape, dtype=mean.dtype) * _last(variance, mask).sqrt() * temperature


def _last(x: Tensor, mask: Tensor | None) -> Tensor:
    """What stands at the last vector of each row, (b, 1, k), padding behind it passed over; x is (b, n, k)."""
    keep = kept_tokens(mask)
    if keep is None or x.shape[1] == 1:
        return x[:, -1:]
    n = x.shape[1]
    places = (keep[:, -n:].astype("int64") * paddle.arange(n)).argmax(axis=-1)  # (b)
    return x.take_along_axis(places.reshape([-1, 1, 1]).expand([-1, 1, x.shape[2]]), axis=1)
