"""Arguments of a forward that fit neither the model nor each other are refused here, by a sentence each.

Only shapes and types are looked at: reading values would make every forward wait for the device.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import paddle
from paddle import Tensor

from ..errors import InputError
from ..nn.calls import StackCall
from ..nn.interspersed import tokens_held
from ..nn.sizes import sizes
from ..nn.stack import Stack

_INTEGERS = (paddle.int64, paddle.int32)


def check_tokens(input_ids: Tensor | None, inputs_embeds: Tensor | None, width: int) -> tuple[Any, Any]:
    """Refuse anything but token ids or token embeddings; return batch size and number of new tokens.

    Args:
        input_ids: Token ids, (b, n), or None.
        inputs_embeds: Token embeddings, (b, n, e), or None.
        width: The width of the embeddings, e.

    Raises:
        InputError: If neither or both are given, or the shape or type is wrong.
    """
    if (input_ids is None) == (inputs_embeds is None):
        raise InputError("give either input_ids or inputs_embeds, one and not both")
    if inputs_embeds is not None:
        shape = list(inputs_embeds.shape)
        if len(shape) != 3 or shape[2] != width or shape[1] == 0:
            raise InputError(f"inputs_embeds has shape {shape}; give (batch, length, emb_dim={width}), length >= 1")
        if not inputs_embeds.is_floating_point():
            raise InputError(f"inputs_embeds has dtype {inputs_embeds.dtype}; embeddings are floating point numbers")
        return tuple(sizes(inputs_embeds)[:2])
    ids: Any = input_ids
    shape = list(ids.shape)
    if len(shape) != 2 or shape[1] == 0:
        raise InputError(f"input_ids has shape {shape}; give (batch, length), length >= 1")
    if ids.dtype not in _INTEGERS:
        raise InputError(f"input_ids has dtype {ids.dtype}; token ids are int64 or int32")
    return tuple(sizes(ids)[:2])


def check_positions(position_ids: Tensor | None, b: int, n: int) -> None:
    """Refuse positions that are not one integer a new token.

    Args:
        position_ids: (b, n), (1, n) or (n), or None.
        b: Batch size.
        n: Number of new tokens.

    Raises:
        InputError: If the shape or type is wrong.
    """
    if position_ids is None:
        return
    if position_ids.dtype not in _INTEGERS:
        raise InputError(f"position_ids has dtype {position_ids.dtype}; positions are int64 or int32")
    if list(position_ids.shape) not in ([b, n], [1, n], [n]):
        raise InputError(f"position_ids has shape {list(position_ids.shape)} for {n} new tokens; give ({b}, {n})")


def check_types(token_type_ids: Tensor | None, type_vocab_size: int, b: int, n: int) -> None:
    """Refuse token types that are not one integer a token, or that the model does not know.

    Args:
        token_type_ids: (b, n), or None.
        type_vocab_size: Number of token types of the model.
        b: Batch size.
        n: Number of tokens.

    Raises:
        InputError: If the model has no token types, or the shape or type is wrong.
    """
    if token_type_ids is None:
        return
    if not type_vocab_size:
        raise InputError(
            "token_type_ids has no effect while type_vocab_size=0; set it in the configuration, or leave the argument "
            "out (return_token_type_ids=False for PaddleNLP's tokenizers)"
        )
    if token_type_ids.dtype not in _INTEGERS:
        raise InputError(f"token_type_ids has dtype {token_type_ids.dtype}; types are int64 or int32")
    if list(token_type_ids.shape) != [b, n]:
        raise InputError(f"token_type_ids has shape {list(token_type_ids.shape)}; give one for each token, ({b}, {n})")


def check_added(width: int, sum_embeds: Tensor | None, b: int, n: int) -> None:
    """Refuse anything but one vector a token, as wide as the embeddings that it is added to.

    Args:
        width: Width of the embeddings, e.
        sum_embeds: (b, n, e), or None.
        b: Batch size.
        n: Number of new tokens.

    Raises:
        InputError: If the shape or type is wrong.
    """
    if sum_embeds is None:
        return
    shape = list(sum_embeds.shape)
    if shape != [b, n, width] or not sum_embeds.is_floating_point():
        raise InputError(
            f"sum_embeds has shape {shape} and dtype {sum_embeds.dtype}; give one floating point vector a new token, "
            f"({b}, {n}, {width}): as wide as the embeddings (emb_dim, or dim)"
        )


def stacked_ids(embed_ids: Tensor | Mapping[str, Tensor] | None, names: Sequence[str], b: Any, n: Any) -> Tensor | None:
    """Return further ids of each token as one tensor, (b, n, k), in the order of their names.

    Args:
        embed_ids: (b, n, k), or a mapping from each name to (b, n), or None.
        names: The names of the model, k of them.
        b: Batch size.
        n: Number of new tokens.

    Raises:
        InputError: If the model has none, one is missing or unknown, or a shape or type is wrong.
    """
    if embed_ids is None:
        return None
    if not names:
        raise InputError(
            "embed_ids has no effect while embed_num_tokens=None; set it in the configuration, or leave the argument "
            "out"
        )
    if isinstance(embed_ids, Mapping):
        shapes = {name: list(ids.shape) for name, ids in embed_ids.items()}
        if set(shapes) != set(names) or any(len(shape) != 2 for shape in shapes.values()):
            raise InputError(f"embed_ids holds {shapes}; give (batch, length) for each of {list(names)}")
        stack: Any = paddle.stack([embed_ids[name] for name in names], axis=-1)
    else:
        stack = embed_ids
    shape = list(stack.shape)
    fits = len(shape) == 3 and shape[2] == len(names)
    if paddle.in_dynamic_mode():
        fits = shape == [b, n, len(names)]
    if not fits or stack.dtype not in _INTEGERS:
        raise InputError(
            f"embed_ids has shape {shape} and dtype {stack.dtype}; give int64 or int32, ({b}, {n}, {len(names)}): "
            f"one of each of {list(names)} for each new token, or a mapping from these names to ({b}, {n})"
        )
    found: Tensor = stack
    return found


def check_memory(stack: Stack, b: int, call: StackCall) -> None:
    """Refuse a cache or mems of another model or batch.

    Args:
        stack: The stack that shall read them.
        b: Batch size.
        call: What is asked of the stack.

    Raises:
        InputError: If they do not fit.
    """
    past: Any = call.cache
    mems: Any = call.mems
    steps = stack.steps_of(call)
    room = stack.options.memory.max_mem_len
    if (mems is not None or call.return_mems) and not room:
        raise InputError("mems and return_mems need max_mem_len > 0 in the configuration, but max_mem_len=0")
    if mems is not None and past is not None:
        raise InputError("give mems only with the first call of a segment: past_key_values already holds them")
    held = [] if past is None else [len(entry) for entry in past[1:]]
    kept = [step.leaves for step in steps if step.leaves] * call.rounds
    if past is not None and held != kept:
        raise InputError(
            f"past_key_values holds {held} tensors, layer by layer, but those of this model keep {kept}; pass the "
            "cache that this very model returned"
        )
    layers = sum(step.kind == "a" for step in steps) * call.rounds
    if mems is not None and len(mems) != layers + 1:
        raise InputError(
            f"mems holds the states of {len(mems) - 1} layers, but this model runs {layers} self attention layers; "
            "pass the mems that this very model returned"
        )
    for name, first in (("past_key_values", past and past[0][0]), ("mems", mems and mems[0])):
        if first is not None and first.shape[0] != b:
            raise InputError(f"{name} has {first.shape[0]} rows, but there are {b} rows of tokens; give as many")


def check_context(stack: Stack, b: int, context: Tensor | None, mask: Tensor | None, width: int) -> None:
    """Refuse a context that cross attention cannot look at, or that nothing looks at.

    Args:
        stack: The stack.
        b: Batch size.
        context: encoder_hidden_states, or None.
        mask: encoder_attention_mask, or None.
        width: The width that the context must have.

    Raises:
        InputError: If they do not fit.
    """
    if all(step.kind != "c" for step in stack.steps):
        for name, given in (("encoder_hidden_states", context), ("encoder_attention_mask", mask)):
            if given is not None:
                raise InputError(f"{name} has no effect while cross_attend=False; set it or leave the argument out")
        return
    if context is None:
        return
    shape = list(context.shape)
    if len(shape) != 3 or shape[2] != width or shape[0] != b:
        raise InputError(
            f"encoder_hidden_states has shape {shape}; give ({b}, length, {width}): one row for each of the {b} rows "
            f"of tokens, of width cross_attn_dim_context={width}"
        )
    if mask is not None and mask.shape[-1] != shape[1]:
        raise InputError(
            f"encoder_attention_mask covers {mask.shape[-1]} places, but encoder_hidden_states has {shape[1]}; "
            "give one for each place"
        )


def check_condition(stack: Stack, b: int, n: int, condition: Tensor | None, mems: Any) -> None:
    """Refuse a condition that nothing reads or that does not fit, and none where one is needed.

    Args:
        stack: The stack that shall read it.
        b: Batch size.
        n: Number of new tokens.
        condition: (b, c) or (b, n, c), or None.
        mems: Mems, or None.

    Raises:
        InputError: If it does not fit.
    """
    options = stack.options
    norm, width = options.norm.norm, options.norm.dim_condition or options.dim
    if condition is None:
        if options.needs_condition:
            raise InputError(
                f"condition is missing: norm={norm!r} and use_adaptive_layerscale="
                f"{options.residual.use_adaptive_layerscale} depend on it; give (batch, dim_condition={width}), or "
                "(batch, tokens, dim_condition) for one a token"
            )
        return
    if not options.needs_condition:
        raise InputError(
            f"condition has no effect while norm={norm!r} and use_adaptive_layerscale=False; set norm="
            "'adaptive_layernorm', norm='adaptive_rmsnorm' or use_adaptive_layerscale=True, or leave the argument out"
        )
    if not paddle.in_dynamic_mode():  # a graph that is traced leaves sizes open
        return
    shape = list(condition.shape)
    if shape not in ([b, width], [b, n, width]) or not condition.is_floating_point():
        raise InputError(
            f"condition has shape {shape} and dtype {condition.dtype}; give floating point vectors of width "
            f"dim_condition={width}: ({b}, {width}), or ({b}, {n}, {width}) for one a new token"
        )
    if mems is not None and len(shape) == 3:
        raise InputError(
            f"condition has shape {shape}, one vector a token, but those of the tokens in mems are not known; give "
            f"one for all, ({b}, {width}), or no mems"
        )


def check_length(stack: Stack, b: int, n: int, attention_mask: Tensor | None, past: Any) -> None:
    """Refuse more tokens than the model has positions for, and a mask that covers others than there are.

    Args:
        stack: The stack.
        b: Batch size.
        n: Number of new tokens.
        attention_mask: The caller's mask, or None.
        past: A cache, or None.

    Raises:
        InputError: If there are too many tokens, or the mask does not fit.
    """
    limit, memory = stack.options.position.max_seq_len, stack.options.memory
    fewest, most = (held + n for held in tokens_held(past, memory))
    if limit and fewest > limit:
        raise InputError(
            f"{fewest} tokens (past and new) are more than max_seq_len={limit}; shorten the input, or raise "
            "max_seq_len in the configuration if the position scheme allows it"
        )
    if attention_mask is not None and attention_mask.ndim == 2 and attention_mask.shape[0] != b:
        raise InputError(
            f"attention_mask has shape {list(attention_mask.shape)}, but there are {b} rows of tokens; "
            "give (batch, past and new tokens)"
        )
    if attention_mask is not None and not fewest <= attention_mask.shape[-1] <= most:
        raise InputError(
            f"attention_mask covers {attention_mask.shape[-1]} tokens, but there are {most}: {most - n} in "
            f"past_key_values and {n} new ones; with a cache pass only the new tokens, and a mask over past and new "
            "ones"
        )


def check_prefix(stack: Stack, b: int, n: int, prefix_len: Any, past: Any) -> None:
    """Refuse the length of a prefix that the model does not know, or that is not read in one call.

    Args:
        stack: The stack.
        b: Batch size.
        n: Number of new tokens.
        prefix_len: prefix_attn_len: an integer, or one for each row, (b), or None.
        past: A cache, or None.

    Raises:
        InputError: If it does not fit.
    """
    if prefix_len is None:
        return
    if not stack.options.decoder.prefix_lm:
        raise InputError("prefix_attn_len has no effect while prefix_lm=False; set it or leave the argument out")
    if isinstance(prefix_len, Tensor):
        if prefix_len.dtype not in _INTEGERS or list(prefix_len.shape) != [b]:
            raise InputError(
                f"prefix_attn_len has shape {list(prefix_len.shape)} and dtype {prefix_len.dtype}; give an int, or "
                f"int64 with one length for each row, ({b},)"
            )
        return
    if not isinstance(prefix_len, int) or isinstance(prefix_len, bool) or prefix_len < 0:
        raise InputError(
            f"prefix_attn_len={prefix_len!r} is not allowed; give an int of at least 0, or a tensor, ({b},)"
        )
    most = n if past is None else tokens_held(past, stack.options.memory)[1]
    if prefix_len > most:
        first = "tokens of this call" if past is None else "tokens in past_key_values"
        raise InputError(
            f"prefix_attn_len={prefix_len} is more than the {most} {first}; its tokens see each other, so the whole "
            "prefix must be read in the first call"
        )


def check_labels(labels: Tensor, logits: Tensor) -> None:
    """Refuse labels that are not one class for each place.

    Args:
        labels: (b, n).
        logits: (b, n, v).

    Raises:
        InputError: If the shape or type is wrong.
    """
    if list(labels.shape) != list(logits.shape[:2]):
        raise InputError(
            f"labels has shape {list(labels.shape)}, but must have that of the tokens, {list(logits.shape[:2])}"
        )
    if labels.dtype not in _INTEGERS:
        raise InputError(f"labels has dtype {labels.dtype}; labels are int64 or int32")


def check_targets(labels: Tensor, logits: Tensor, problem: str, *, one_class: bool) -> Tensor:
    """Refuse labels of sequences that do not go with the problem; return them in the shape the loss wants.

    Args:
        labels: One class for each row, (b) or (b, 1), or one number for each output, (b, c); (b) will do where c is 1.
        logits: (b, c).
        problem: Name of the problem, for the message.
        one_class: Whether each row has one class, an integer, rather than a number for each output.

    Returns:
        (b) if `one_class`, else (b, c).

    Raises:
        InputError: If the shape or type is wrong.
    """
    b, c = logits.shape
    shape, wanted = list(labels.shape), f"({b},)" if one_class else f"({b}, {c})"
    width = 1 if one_class else c
    if shape != [b, width] and not (width == 1 and shape == [b]):
        raise InputError(
            f"labels has shape {shape}; {problem} with {c} outputs needs {wanted}: set problem_type if it is another"
        )
    if one_class and labels.dtype not in _INTEGERS:
        raise InputError(f"labels has dtype {labels.dtype}; the classes of {problem} are int64 or int32")
    return labels.reshape([b] if one_class else [b, c])


def check_span(positions: Tensor, name: str, b: int) -> Tensor:
    """Refuse ends of answers that are not one integer for each row; return them as (b).

    Args:
        positions: (b) or (b, 1).
        name: Name of the argument.
        b: Batch size.

    Raises:
        InputError: If the shape or type is wrong.
    """
    if list(positions.shape) not in ([b], [b, 1]):
        raise InputError(f"{name} has shape {list(positions.shape)}; give one place for each row, ({b},)")
    if positions.dtype not in _INTEGERS:
        raise InputError(f"{name} has dtype {positions.dtype}; places are int64 or int32")
    return positions.reshape([b])
