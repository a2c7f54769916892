"""Several sequences in one row, told apart by cumulative lengths, as flash kernels take them (2205.14135).

They are laid out as a padded batch, a sequence a row, and what comes out is put back into one row. So each gives what
it gives alone, whatever the configuration: with positions, memory tokens and shifted tokens of its own. It costs what
the padded batch costs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import paddle
from paddle import Tensor

from ..errors import InputError
from ..nn.calls import StackCall
from ..nn.places import mask_of_lengths
from .outputs import XModelOutput


@dataclass(frozen=True)
class Segments:
    """Where the sequences of a row are.

    Args:
        ends: Cumulative lengths, (s + 1), from 0 to the length of the row.
        longest: Length of the longest sequence, or more.
    """

    ends: Tensor
    longest: int

    @property
    def mask(self) -> Tensor:
        """Which places of the padded batch are tokens, (s, longest), int64."""
        return mask_of_lengths(self.ends[1:] - self.ends[:-1], self.longest)

    def unpacked(self, t: Tensor | None) -> Tensor | None:
        """From one row, (1, n, ...), to a padded batch, (s, longest, ...)."""
        if t is None:
            return None
        places = (self.ends[:-1].unsqueeze(-1) + paddle.arange(self.longest)).clip(max=t.shape[1] - 1)
        return paddle.gather(t[0], places.flatten()).reshape([*places.shape, *t.shape[2:]])

    def packed(self, t: Tensor, n: int) -> Tensor:
        """From a padded batch, (s, longest, ...), to one row, (1, n, ...)."""
        places = paddle.arange(n)
        row = (places.unsqueeze(-1) >= self.ends[1:]).astype("int64").sum(axis=-1)  # (n)
        flat = row * self.longest + places - paddle.gather(self.ends, row)
        return paddle.gather(t.flatten(0, 1), flat).unsqueeze(0)

    def without_first(self, labels: Tensor, ignored: int) -> Tensor:
        """Labels, (1, n), without those of the first tokens: no token before them is of their sequence."""
        first = (paddle.arange(labels.shape[1]).unsqueeze(-1) == self.ends[:-1]).any(axis=-1)
        return paddle.where(first, paddle.full([1], ignored, dtype=labels.dtype), labels)


def segments_of(given: Mapping[str, Any], name: str, kind: str, n: int | None = None) -> Segments:
    """Read cumulative lengths.

    Args:
        given: As the argument holds them.
        name: Name of the argument.
        kind: `q` or `k`.
        n: Length of the row, if it is known.

    Raises:
        InputError: If they do not tell the sequences.
    """
    ends, longest = given.get(f"cu_seqlens_{kind}"), given.get(f"max_seqlen_{kind}")
    if ends is None:
        raise InputError(f"{name} has no cu_seqlens_{kind}; give the cumulative lengths, from 0 to the row's length")
    if not isinstance(ends, Tensor):
        numbers = [int(end) for end in ends]
        lengths = [stop - start for start, stop in zip(numbers, numbers[1:], strict=False)]
        if not lengths or numbers[0] != 0 or min(lengths) < 1 or n not in (None, numbers[-1]):
            raise InputError(f"cu_seqlens_{kind}={numbers} of {name} must rise from 0 to the length of the row, {n}")
        ends, longest = paddle.to_tensor(numbers, "int64"), longest or max(lengths)
    if longest is None:
        raise InputError(f"{name} has a tensor cu_seqlens_{kind} but no max_seqlen_{kind}; give the longest length")
    return Segments(ends.astype("int64"), int(longest))


def check_packed(call: StackCall, b: int) -> None:
    """Refuse what packed sequences cannot go with.

    Args:
        call: What is asked of the stack.
        b: Batch size.

    Raises:
        InputError: If there is such a thing.
    """
    if b != 1:
        raise InputError(f"flash_pack_seq_kwargs needs one row that holds all sequences, but there are {b}")
    others = {
        "attention_mask": call.attention_mask,
        "past_key_values": call.cache,
        "mems": call.mems,
        "self_attn_kv_mask": call.key_mask,
        "attn_bias": call.bias,
        "condition": call.condition,
        "self_attn_additional_kv": call.given,
        "in_attn_cond": call.in_attn_cond,
        "prefix_attn_len": call.prefix_len,
        "encoder_position_ids": call.context_positions,
    }
    named = [name for name, value in others.items() if value is not None]
    flags = {"use_cache": call.use_cache, "return_mems": call.return_mems, "output_attentions": call.output_attentions}
    flags |= {"return_gumbel_log_probs": call.log_probs, "return_intermediates": call.intermediates}
    flags |= {"attn_deltas": bool(call.deltas), "self_attn_kv_residuals": "a" in call.kv_residuals}
    flags |= {"cross_attn_kv_residuals": "c" in call.kv_residuals}
    named += [name for name, on in flags.items() if on]
    if named:
        raise InputError(f"{named[0]} does not go with flash_pack_seq_kwargs; leave one out, or pass a padded batch")


def unpacked_call(call: StackCall, own: Segments) -> StackCall:
    """Return what is asked of the stack with a sequence a row.

    Args:
        call: What is asked for the packed row.
        own: Where its sequences are.

    Raises:
        InputError: If the context is not told apart as well.
    """
    context, mask = call.context, call.context_mask
    if context is not None:
        if call.packed_context is None or mask is not None:
            raise InputError(
                "encoder_hidden_states beside flash_pack_seq_kwargs is one row, without encoder_attention_mask; give "
                "flash_pack_seq_context_kwargs with its cumulative lengths"
            )
        across = segments_of(call.packed_context, "flash_pack_seq_context_kwargs", "k", context.shape[1])
        context, mask = across.unpacked(context), across.mask
    return dataclasses.replace(
        call, attention_mask=own.mask, context=context, context_mask=mask, packed=None, packed_context=None
    )


def packed_output(output: XModelOutput, own: Segments, n: int) -> XModelOutput:
    """Put what a padded batch gave back into one row.

    Args:
        output: Of the padded batch.
        own: Where the sequences are.
        n: Length of the row.
    """
    states, loops = output.hidden_states, output.loop_states
    return XModelOutput(
        last_hidden_state=own.packed(output.last_hidden_state, n),
        hidden_states=None if states is None else tuple(own.packed(part, n) for part in states),
        loop_states=None if loops is None else tuple(own.packed(part, n) for part in loops),
        exit_logits=None if output.exit_logits is None else own.packed(output.exit_logits, n),
    )
