"""Continuing texts with numbers: PaddleNLP's loops choose the tokens, and the head's numbers go along with them."""

from __future__ import annotations

from typing import Any, NamedTuple

import paddle
from paddle import Tensor

from ...errors import InputError
from ..generate import CausalGeneration
from ..put_in import PUT_IN, WITH_ROWS, put_in_of_step
from ..steps import grown_mask, with_zeros
from .inputs import check_numbers


class GeneratedNumbers(NamedTuple):
    """What `generate` gives: token ids and scores as for any model, and the numbers.

    Attributes:
        ids: Token ids of the continuations, (b, new tokens).
        scores: Their scores.
        numbers: The number of each new token that stands for one, (b, new tokens); nan at others.
    """

    ids: Tensor
    scores: Tensor
    numbers: Tensor


class NumberGeneration(CausalGeneration):
    """Generation for causal models with numbers among their tokens."""

    rows_of_generate: tuple[str, ...] = (
        *("attention_mask", "position_ids", "encoder_hidden_states", "encoder_attention_mask"),
        *(
            "condition",
            "self_attn_kv_mask",
            "input_numbers",
            *WITH_ROWS,
            "sum_embeds",
            "prepend_embeds",
            "prepend_mask",
        ),
    )

    def prepare_prompt(self, input_ids: Tensor | None, generation_config: Any, kwargs: dict[str, Any]) -> Tensor | None:
        """Check the prompt and its numbers; see `Generation.prepare_prompt`."""
        check_numbers("input_numbers", kwargs.get("input_numbers"), input_ids, "input_ids")
        return super().prepare_prompt(input_ids, generation_config, kwargs)

    def generate(self, input_ids: Tensor | None = None, generation_config: Any = None, **kwargs: Any) -> Any:
        """Generate tokens, each with its number if it stands for one; see `Generation.generate`.

        Args:
            input_ids: Prompts to continue, (b, n), padded on the left if of different lengths; None starts from
                bos_token_id.
            generation_config: Defaults for what is not given by keyword.
            **kwargs: As in `Generation.generate`, and input_numbers, the numbers of the prompts, (b, n).

        Returns:
            A `GeneratedNumbers`: token ids, scores and numbers.

        Raises:
            InputError: If a token id is outside the vocabulary, the numbers do not fit the tokens, or the result
                would not fit max_seq_len.
        """
        generation_config = generation_config or self._default_generation_config()
        settings = {
            name: kwargs.get(name, getattr(generation_config, name, None) or getattr(self.config, name, None))
            for name in ("bos_token_id", "pad_token_id", "eos_token_id")
        }
        if input_ids is None and kwargs.get("inputs_embeds") is None:
            input_ids = self.prepare_input_ids_for_generation(settings["bos_token_id"])  # type: ignore[attr-defined]
        if kwargs.get("attention_mask") is None and input_ids is not None:
            kwargs["attention_mask"] = self.prepare_attention_mask_for_generation(
                input_ids, settings["pad_token_id"], settings["eos_token_id"]
            )
        ids, scores = super().generate(input_ids, generation_config, **kwargs)
        known = {*self.rows_of_generate, *PUT_IN, "mems"}
        given = {name: value for name, value in kwargs.items() if name in known and value is not None}
        asked: Any = input_ids  # there is one: without any it was refused
        prompts, given = self.expand_inputs_for_generation(asked, ids.shape[0] // asked.shape[0], **given)
        use_cache = kwargs.get("use_cache")
        keep_cache = generation_config.use_cache if use_cache is None else use_cache
        with paddle.no_grad():
            return GeneratedNumbers(ids, scores, self._numbers_of(prompts, ids, given, keep_cache=keep_cache))

    def _numbers_of(self, prompts: Tensor, new: Tensor, given: dict[str, Any], *, keep_cache: bool) -> Tensor:
        """The numbers of new tokens, (b, new); nan at those that stand for none.

        Beam search keeps the tokens of its sequences, and no numbers. Given the tokens, the numbers follow from the
        model: it reads the text again, in one pass up to each place where some row has a number.
        """
        whole = paddle.concat([prompts, new.astype(prompts.dtype)], axis=1)  # (b, all)
        is_number = new == self.config.numerical_token_id
        columns = [prompts.shape[1] + column for column in is_number.any(axis=0).nonzero().flatten().tolist()]
        mask, numbers = given.pop("attention_mask", None), given.pop("input_numbers", None)
        positions, mems = given.pop("position_ids", None), given.pop("mems", None)
        condition, visible = given.pop("condition", None), given.pop("self_attn_kv_mask", None)
        added = with_zeros(given.pop("sum_embeds", None), whole.shape[1])
        front = {name: given.pop(name) for name in ("prepend_embeds", "prepend_mask") if name in given}
        if numbers is None:
            numbers = paddle.ones(prompts.shape, dtype="float32")
        numbers = paddle.concat([numbers, paddle.ones(new.shape, dtype=numbers.dtype)], axis=1)
        for _ in range(new.shape[1]):
            mask = None if mask is None else grown_mask(mask)
            visible = None if visible is None else grown_mask(visible)
            positions = None if positions is None else paddle.concat([positions, positions[:, -1:] + 1], axis=-1)
        start, cache = 0, None
        for stop in columns:
            output = self(  # type: ignore[operator]  # a Layer
                whole[:, start:stop],
                numbers[:, start:stop],
                attention_mask=_part_of(mask, start, stop),
                self_attn_kv_mask=_part_of(visible, start, stop),
                position_ids=None if positions is None else positions[:, start:stop],
                past_key_values=cache,
                mems=mems if start == 0 else None,
                sum_embeds=None if added is None else added[:, start:stop],
                condition=condition if condition is None or condition.ndim == 2 else condition[:, start:stop],
                use_cache=keep_cache,
                return_dict=True,
                **{**given, **put_in_of_step(given, start, stop)},
                **(front if start == 0 else {}),
            )
            numbers[:, stop] = output.numbers[:, -1].astype(numbers.dtype)
            if keep_cache:
                start, cache = stop, output.past_key_values
        nothing = paddle.full([1], float("nan"), dtype=numbers.dtype)
        return paddle.where(is_number, numbers[:, prompts.shape[1] :], nothing)

    @paddle.jit.not_to_static
    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: tuple[Any, ...] | None = None,
        cache: tuple[Tensor] | None = None,
        input_numbers: Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the arguments of one step; see `CausalGeneration.prepare_inputs_for_generation`.

        Args:
            input_ids: All tokens so far, (b, n).
            past_key_values: The cache, from the second step on.
            cache: The numbers of all tokens so far, from the second step on: by this name beam search reorders them
                with the tokens.
            input_numbers: The numbers of the prompt, for the first step.
            **kwargs: The other arguments.
        """
        inputs = super().prepare_inputs_for_generation(input_ids, past_key_values, **kwargs)
        # This family knows no prefix that sees itself both ways, and no further ids.
        known = {*self.rows_of_generate, *PUT_IN, "input_ids", "past_key_values", "use_cache", "mems", "return_dict"}
        inputs = {name: value for name, value in inputs.items() if name in known}
        numbers = input_numbers if cache is None else cache[0]
        if numbers is not None:
            numbers = numbers[:, -inputs["input_ids"].shape[1] :]
        return {**inputs, "input_numbers": numbers}

    @paddle.jit.not_to_static
    def update_model_kwargs_for_generation(
        self, outputs: Any, model_kwargs: dict[str, Any], is_encoder_decoder: bool = False
    ) -> dict[str, Any]:
        """Carry cache, mask, positions and numbers over to the next step.

        Args:
            outputs: What the model gave back.
            model_kwargs: Arguments of this step, changed in place.
            is_encoder_decoder: Not used by this family.
        """
        predicted, before = outputs.numbers, model_kwargs.get("cache")
        numbers = model_kwargs.get("input_numbers") if before is None else before[0]
        if numbers is None:
            numbers = paddle.ones(predicted.shape, dtype=predicted.dtype)
        new = predicted[:, -1:].astype(numbers.dtype)
        model_kwargs = super().update_model_kwargs_for_generation(outputs, model_kwargs, is_encoder_decoder)
        model_kwargs["cache"] = (paddle.concat([numbers, new], axis=1),)
        return model_kwargs

    def to_static(self, path: str, config: dict[str, Any]) -> None:
        """Refuse PaddleNLP's export of the whole generation, whose graph has no place for numbers.

        Args:
            path: Where it would go.
            config: Its settings.

        Raises:
            InputError: Always.
        """
        raise InputError(
            "to_static of PaddleNLP exports a loop over tokens without numbers; export the forward with "
            "paddle.jit.save and an InputSpec for input_ids and input_numbers"
        )


def _part_of(mask: Tensor | None, start: int, stop: int) -> Tensor | None:
    """The part of a mask, (b, all), (b, n, all) or (b, h, n, all), that belongs to the places from start to stop."""
    if mask is None:
        return None
    if mask.ndim > 2 and mask.shape[-2] > 1:
        return mask[..., start:stop, :stop]
    return mask[..., :stop]
