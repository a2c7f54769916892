"""What PaddleNLP's generate() needs from a model: inputs of each step, growing masks, and the cache."""

from __future__ import annotations

import copy
from typing import Any

import paddle
from paddle import Tensor

from .._compat import import_paddlenlp
from ..config import nearest
from ..errors import InputError
from ..nn.places import token_positions
from ..nn.sizes import sizes
from ..nn.stack import Stack
from .inputs import check_prefix, stacked_ids
from .prompts import check_cover, check_ids, check_room
from .put_in import WITH_ROWS, check_put_in_covers, put_in_of_step, repeated_rows
from .steps import grown_mask, mask_of_last_token, of_step, with_room, with_zeros, without_needless

import_paddlenlp()

from paddlenlp.transformers import PretrainedConfig  # noqa: E402

# Arguments of generate() that are no fields of a GenerationConfig.
_ARGUMENTS = (
    "streamer",
    "stopping_criteria",
    "logits_processors",
    "synced_gpus",
    "generation_config",
    "use_cache",
    "seed",
)


# How often a stack runs, which is the same at every step.
_ROUNDS = ("recycle_steps", "looped_steps")


class Generation:  # a name without "GenerationMixin", by which PaddleNLP tells models that cannot
    """What all models that generate have in common; mixed in before PaddleNLP's PretrainedModel."""

    # From PretrainedModel.
    config: Any
    generation_config: Any
    base_model: Any

    # Arguments besides the token ids whose rows follow the beams or the returned sequences.
    rows_of_generate: tuple[str, ...] = ("attention_mask",)
    # Further arguments of generate() for this kind of model.
    arguments_of_generate: tuple[str, ...] = ()

    def prepare_prompt(self, input_ids: Tensor | None, generation_config: Any, kwargs: dict[str, Any]) -> Tensor | None:
        """Check what generate() was given, and return the tokens that are continued, (b, n); None: bos_token_id.

        Args:
            input_ids: What the caller gave.
            generation_config: Defaults for what is not given by keyword.
            kwargs: Keywords of generate(), which may be changed in place.

        Raises:
            InputError: If nothing can be generated from them.
        """
        raise NotImplementedError

    def generating_stack(self) -> Stack:
        """Return the stack whose cache grows."""
        raise NotImplementedError

    @staticmethod
    def prepare_attention_mask_for_generation(
        input_ids: Tensor, pad_token_id: int | None, eos_token_id: int | None
    ) -> Tensor:
        """Return the mask of prompts given without one: padding is what equals pad_token_id, unless that is eos.

        Args:
            input_ids: (b, n).
            pad_token_id: Id of padding, or None.
            eos_token_id: Id of the end of a text, or None.
        """
        ends = eos_token_id if isinstance(eos_token_id, (list, tuple)) else [eos_token_id]
        if pad_token_id is None or pad_token_id in ends:
            return paddle.ones_like(input_ids, dtype="int64")
        return (input_ids != pad_token_id).astype("int64")

    def adjust_logits_during_generation(self, logits: Tensor) -> Tensor:
        """Give the logits processors, which write into the logits, (b, v) of their own rather than a view.

        Args:
            logits: Logits of the last place, (b, v); what is no token of the vocabulary is left out.
        """
        if self.generating_stack().options.output.logits_dim is not None:
            embeddings = getattr(self.base_model, "decoder", self.base_model).get_input_embeddings()
            logits = logits[:, : embeddings.weight.shape[0]]
        return logits.clone()

    def check_generates(self) -> None:
        """Refuse a model whose outputs are no tokens.

        Raises:
            InputError: If that is so.
        """

    @classmethod
    def expand_inputs_for_generation(
        cls, input_ids: Tensor, expand_size: int, **model_kwargs: Any
    ) -> tuple[Tensor, dict[str, Any]]:
        """Repeat every row for its beams or returned sequences.

        Args:
            input_ids: (b, n).
            expand_size: How often.
            **model_kwargs: Arguments of the model; those with a row a prompt are repeated too.
        """
        for name in cls.rows_of_generate:
            if model_kwargs.get(name) is not None:
                model_kwargs[name] = repeated_rows(name, model_kwargs[name], expand_size)
        if model_kwargs.get("mems") is not None:
            model_kwargs["mems"] = tuple(repeated_rows("mems", part, expand_size) for part in model_kwargs["mems"])
        return repeated_rows("input_ids", input_ids, expand_size), model_kwargs

    def carry_cache(self, outputs: Any, model_kwargs: dict[str, Any]) -> None:
        """Hand the cache of this step to the next, with room for its token.

        Args:
            outputs: What the model gave back.
            model_kwargs: Arguments of this step, changed in place.
        """
        cache = outputs.past_key_values
        if cache is not None:
            if paddle.in_dynamic_mode():
                cache = with_room(cache, self.generating_stack())
            model_kwargs["past_key_values"] = cache

    def generate(self, input_ids: Tensor | None = None, generation_config: Any = None, **kwargs: Any) -> Any:
        """Generate; see PaddleNLP's GenerationMixin.generate for the arguments.

        Args:
            input_ids: For a causal model prompts to continue, (b, n), padded on the left if of different lengths; None
                starts from bos_token_id. For an encoder-decoder the source.
            generation_config: Defaults for what is not given by keyword.
            **kwargs: decode_strategy ("greedy_search", "sampling", "beam_search"), max_new_tokens, top_k, top_p,
                temperature, num_beams, attention_mask, streamer, ...

        Returns:
            Token ids of the continuations, (b, new tokens), without the prompts, and their scores.

        Raises:
            InputError: If a token id is outside the vocabulary, or the result would not fit max_seq_len.
        """
        if generation_config is None:
            generation_config = self._default_generation_config()
        self.check_generates()
        self._check_settings(generation_config, kwargs)
        input_ids = self.prepare_prompt(input_ids, generation_config, kwargs)
        use_cache = kwargs.pop("use_cache", None)
        kwargs["keep_cache"] = generation_config.use_cache if use_cache is None else use_cache
        streamer: Any = kwargs.get("streamer")
        if getattr(streamer, "skip_prompt", False) and input_ids is not None:
            streamer.put(input_ids)  # PaddleNLP never sends the prompt; the streamer would skip the first token
        with paddle.no_grad():
            return super().generate(  # type: ignore[misc]  # PretrainedModel comes next
                input_ids, generation_config=generation_config, **kwargs
            )

    def _default_generation_config(self) -> Any:
        """The model's generation_config, quietly: PaddleNLP warns of a conflict where there is none."""
        config = copy.deepcopy(self.generation_config)
        config._from_model_config = False
        if config.max_length == PretrainedConfig._get_generation_defaults()["max_length"]:
            config.max_length = 0  # a default nobody chose, for which PaddleNLP warns of deprecation
        config.use_cache = True  # as in PaddleNLP's own loops; the model's use_cache is about single forwards
        return config

    def _check_settings(self, generation_config: Any, kwargs: dict[str, Any]) -> None:
        """Refuse misspelt settings, which would have no effect."""
        known = {*vars(generation_config), *_ARGUMENTS, *self.rows_of_generate, *self.arguments_of_generate}
        for name in kwargs:
            if name not in known:
                near = nearest(name, known)
                hint = f"did you mean {' or '.join(map(repr, near))}?" if near else "leave it out."
                value = kwargs[name]
                shown = f"a tensor of shape {value.shape}" if isinstance(value, Tensor) else repr(value)
                raise InputError(f"{name}={shown} is no setting of generate(); {hint}")


class CausalGeneration(Generation):
    """Generation for causal models: the prompt goes on."""

    rows_of_generate: tuple[str, ...] = (
        *("attention_mask", "position_ids", "encoder_hidden_states", "encoder_attention_mask"),
        *("condition", "embed_ids", "sum_embeds", "prepend_embeds", "prepend_mask"),
        "prefix_attn_len",
        *("self_attn_kv_mask", "encoder_position_ids", *WITH_ROWS),
    )
    arguments_of_generate: tuple[str, ...] = (
        *("mems", "inputs_embeds", "detach_additional_kv", "route_additional_kv_to_top", *_ROUNDS),
    )

    def prepare_prompt(self, input_ids: Tensor | None, generation_config: Any, kwargs: dict[str, Any]) -> Tensor | None:
        """Check the prompt; see `Generation.prepare_prompt`."""
        if kwargs.get("inputs_embeds") is not None:
            raise InputError("generate() continues token ids: give input_ids in place of inputs_embeds")
        if input_ids is not None:
            config = self.config
            check_ids("input_ids", input_ids, config.num_tokens, "num_tokens")
            b, n = input_ids.shape
            new = check_room(n, generation_config, kwargs, config.max_seq_len, "max_seq_len")
            check_cover("condition", kwargs.get("condition"), n + new)
            check_put_in_covers(kwargs, n + new)
            extra = getattr(self.base_model, "extra_embeddings", None)
            ids = stacked_ids(kwargs.pop("embed_ids", None), () if extra is None else extra.names, b, n)
            if ids is not None:
                kwargs["embed_ids"] = ids
            check_prefix(self.generating_stack(), b, n, kwargs.get("prefix_attn_len"), None)
            if self.generating_stack().options.decoder.prefix_lm:
                kwargs["prefix_attn_len"] = self._prefix(input_ids, generation_config, kwargs)
        return input_ids

    def _prefix(self, input_ids: Tensor, generation_config: Any, kwargs: dict[str, Any]) -> Tensor:
        """Number of tokens of each prompt that see each other, (b): what the caller gave, or all of them."""
        given = kwargs.get("prefix_attn_len")
        if isinstance(given, Tensor):
            return given
        b, n = input_ids.shape
        if given is not None:
            return paddle.full([b], given, dtype="int64")
        mask = kwargs.get("attention_mask")
        if mask is None:
            pad, end = (kwargs.get(name, getattr(generation_config, name)) for name in ("pad_token_id", "eos_token_id"))
            mask = self.prepare_attention_mask_for_generation(input_ids, pad, end)
        positions = token_positions(n, mask, kwargs.get("position_ids"), None)
        return (positions.max(axis=-1) + 1).expand([b])

    def check_generates(self) -> None:
        """Refuse a model whose outputs are no tokens; see `Generation.check_generates`."""
        if self.generating_stack().options.decoder.squeeze_out_last_dim:
            raise InputError(
                "generate() needs a score for each token, but squeeze_out_last_dim=True makes one number of each "
                "place; leave it out of the configuration of a model that generates"
            )

    def generating_stack(self) -> Stack:
        """Return the stack whose cache grows."""
        stack: Stack = self.base_model.stack
        return stack

    @paddle.jit.not_to_static
    def prepare_inputs_for_generation(
        self,
        input_ids: Tensor,
        past_key_values: tuple[Any, ...] | None = None,
        attention_mask: Tensor | None = None,
        position_ids: Tensor | None = None,
        keep_cache: bool = True,
        mems: tuple[Tensor, ...] | None = None,
        encoder_hidden_states: Tensor | None = None,
        encoder_attention_mask: Tensor | None = None,
        condition: Tensor | None = None,
        embed_ids: Tensor | None = None,
        sum_embeds: Tensor | None = None,
        prepend_embeds: Tensor | None = None,
        prepend_mask: Tensor | None = None,
        prefix_attn_len: Tensor | None = None,
        self_attn_kv_mask: Tensor | None = None,
        encoder_position_ids: Tensor | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Return the arguments of one step: all tokens, or only the last with a cache.

        Args:
            input_ids: All tokens so far, (b, n).
            past_key_values: The cache, from the second step on.
            attention_mask: Mask over all tokens so far.
            position_ids: Positions of all tokens so far, if the caller gave some.
            keep_cache: Whether to keep a cache: what the caller's `use_cache` said, which PaddleNLP's loops do not
                pass on.
            mems: Mems for the first step.
            encoder_hidden_states: What cross attention looks at.
            encoder_attention_mask: Mask over it.
            condition: What adaptive norms and scales depend on, (b, c), or (b, all, c) for all tokens that there will
                be.
            embed_ids: Further ids of all tokens so far, (b, n, k).
            sum_embeds: Added to the embeddings of the prompt, (b, prompt, e); to those of new tokens nothing is added.
            prepend_embeds: Vectors in front of the tokens, (b, p, e), for the first step.
            prepend_mask: Which of them are no padding, (b, p).
            prefix_attn_len: Number of tokens of each row that see each other.
            self_attn_kv_mask: Which of all tokens so far self attention may look at.
            encoder_position_ids: Positions of what cross attention looks at.
            **kwargs: What is put into layers, for all tokens that there will be, and further arguments of generate():
                of these recycle_steps and looped_steps go on to the model.
        """
        n = sizes(input_ids)[1]
        inside = put_in_of_step(kwargs, 0 if past_key_values is None else n - 1, n)
        condition = of_step(condition, n, cached=past_key_values is not None)
        embedded: dict[str, Tensor | None] = {}
        if past_key_values is None:
            embedded = {"prepend_embeds": prepend_embeds, "prepend_mask": prepend_mask}
            embedded["sum_embeds"] = with_zeros(sum_embeds, n)
        embedded["embed_ids"] = of_step(embed_ids, n, cached=past_key_values is not None)
        if past_key_values is not None:
            input_ids, mems, prefix_attn_len = input_ids[:, -1:], None, None
            if position_ids is not None:
                position_ids = position_ids[:, -1:]
            attention_mask = mask_of_last_token(attention_mask)
        elif keep_cache:
            attention_mask = without_needless(attention_mask, self.generating_stack())
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "position_ids": position_ids,
            "past_key_values": past_key_values,
            "use_cache": keep_cache,
            "mems": mems,
            "encoder_hidden_states": encoder_hidden_states,
            "encoder_attention_mask": encoder_attention_mask,
            "condition": condition,
            **{name: value for name, value in embedded.items() if value is not None},
            **inside,
            "prefix_attn_len": prefix_attn_len,
            "self_attn_kv_mask": self_attn_kv_mask,
            "encoder_position_ids": encoder_position_ids,
            **{name: kwargs[name] for name in _ROUNDS if kwargs.get(name) is not None},
            "return_dict": True,
        }

    @paddle.jit.not_to_static
    def update_model_kwargs_for_generation(
        self, outputs: Any, model_kwargs: dict[str, Any], is_encoder_decoder: bool = False
    ) -> dict[str, Any]:
        """Carry cache, mask and positions over to the next step.

        Args:
            outputs: What the model gave back.
            model_kwargs: Arguments of this step, changed in place.
            is_encoder_decoder: Not used by this family.
        """
        self.carry_cache(outputs, model_kwargs)
        for name in ("attention_mask", "self_attn_kv_mask"):
            if model_kwargs.get(name) is not None:
                model_kwargs[name] = grown_mask(model_kwargs[name])
        ids = model_kwargs.get("embed_ids")
        if ids is not None:  # a new token has those of the token before it
            model_kwargs["embed_ids"] = paddle.concat([ids, ids[:, -1:]], axis=1)
        positions = model_kwargs.get("position_ids")
        if positions is not None:
            model_kwargs["position_ids"] = paddle.concat([positions, positions[:, -1:] + 1], axis=-1)
        return model_kwargs
