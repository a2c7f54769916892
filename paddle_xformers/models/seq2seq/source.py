"""The source as the decoder sees it: states of the encoder, and a mask over them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import paddle
from paddle import Tensor

from ...errors import InputError
from ...nn.attention.cache import first_keys
from ...nn.sizes import sizes
from ...nn.stack import Stack
from ..prefix import make_prefix


@dataclass(frozen=True)
class Source:
    """What the encoder gave, or what the caller had from it before.

    Args:
        states: The last hidden states, (b, m, d); None with a cache alone, which holds their keys and values.
        mask: The caller's mask over them, or None.
        hidden_states: All hidden states, if asked for.
        attentions: The attention weights, if asked for.
    """

    states: Tensor | None
    mask: Tensor | None
    hidden_states: tuple[Tensor, ...] | None = None
    attentions: tuple[Tensor, ...] | None = None


def states_of(encoder_output: Any) -> Tensor | None:
    """Return the last hidden states from what stands for the output of an encoder.

    Args:
        encoder_output: The states, (b, m, d), a tuple that begins with them, an output object that holds them as
            last_hidden_state, or None.

    Raises:
        InputError: If it is none of these.
    """
    found = getattr(encoder_output, "last_hidden_state", encoder_output)
    if isinstance(found, (tuple, list)) and found:
        found = found[0]
    if found is not None and not hasattr(found, "is_floating_point"):
        raise InputError(
            f"encoder_output is a {type(encoder_output).__name__}; give the hidden states of the encoder, (batch, "
            "length, dim), or what model.get_encoder() returned"
        )
    return found


def mask_across(mask: Tensor | None) -> Tensor | None:
    """Return the mask of cross attention that belongs to a mask of the encoder.

    Args:
        mask: (b, m), which is returned as it is; of (b, m, m) or (b, h, m, m) a place that any other may see is seen,
            and (b, 1, 1, m) is returned. None: none.
    """
    if mask is None or mask.ndim == 2:
        return mask
    if mask.dtype == paddle.bool:
        mask = mask.astype("int64")
    if mask.ndim == 3:
        mask = mask.unsqueeze(1)
    return mask.max(axis=[1, 2], keepdim=True)


def read_source(
    encoder: Any,
    given: dict[str, Tensor | None],
    mask: Tensor | None,
    encoder_output: Any,
    *,
    cached: bool,
    **wanted: Any,
) -> Source:
    """Run the encoder, unless there is a cache or what it gave before.

    Args:
        encoder: The encoder.
        given: What it reads: its arguments by name.
        mask: The caller's mask over the source.
        encoder_output: What it gave before, or None.
        cached: Whether a cache holds the keys and values of the source.
        **wanted: What else it shall return.

    Raises:
        InputError: If there is no source, or one is given twice.
    """
    states = states_of(encoder_output)
    tokens = given["input_ids"] if given["inputs_embeds"] is None else given["inputs_embeds"]
    if states is not None:
        for name, value in given.items():
            if value is not None:
                name = name if name.startswith("input") else f"encoder_{name}"
                raise InputError(f"{name} has no effect beside encoder_output; leave one of them out")
    elif tokens is None and not cached:
        raise InputError("there is no source: give input_ids, inputs_embeds or encoder_output")
    names = ("encoder_prepend_embeds", "encoder_prepend_mask")
    prefix = make_prefix(given["prepend_embeds"], given["prepend_mask"], mask, encoder.embeddings_width, names)
    across = mask_across(mask)
    if prefix is not None and tokens is not None:
        across = prefix.mask_over_both(mask, tokens)
    if states is not None or cached:
        return Source(states, across)
    encoded = encoder(**given, attention_mask=mask, excise_prepend_embeds=False, **wanted, return_dict=True)
    return Source(encoded.last_hidden_state, across, encoded.hidden_states, encoded.attentions)


def check_mask(mask: Tensor | None, past: Any, stack: Stack) -> None:
    """Refuse a mask over another number of places than the source in a cache has.

    Args:
        mask: The mask of cross attention, or None.
        past: A cache, or None.
        stack: The stack that shall read it.

    Raises:
        InputError: If they differ.
    """
    entries = [step for step in stack.steps if step.leaves]
    if mask is None or past is None or len(past) != len(entries) + 1:  # a foreign cache is refused by the decoder
        return
    m = sizes(first_keys(past, stack.steps, "c"))[2]
    if mask.shape[-1] != m:
        raise InputError(
            f"attention_mask covers {mask.shape[-1]} places, but the source in past_key_values has {m}; give the mask "
            "that the source was encoded with, at every step"
        )
