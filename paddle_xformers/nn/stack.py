"""The loop over layers."""

from __future__ import annotations

import dataclasses
import random
from dataclasses import dataclass, field

from paddle import Tensor, nn

from ..config import StackOptions
from ..errors import InputError
from .attention.attention import AttentionCall
from .attention.cache import Cache, cache_length, room_left
from .attention.masks import Mask, make_mask
from .layer import Layer, LayerResult
from .memory import Mems, mem_for_layers, next_mems
from .norms import make_norm
from .places import PADDING, Places, make_places
from .positions import Rotary, make_position_bias
from .residuals import make_residuals


@dataclass(frozen=True)
class StackCall:
    """What one forward asks of the stack.

    Args:
        attention_mask: The caller's mask over the tokens, or None.
        cache: Keys and values of the tokens before, or None.
        mems: States of the segment before, or None.
        context: What cross attention looks at, (b, m, c), or None.
        context_mask: Mask over the context, or None.
        lead: Number of memory tokens in front of the new tokens.
        use_cache: Return keys and values.
        output_attentions: Return attention weights.
        output_hidden_states: Return the stream before each block and the last hidden state.
        return_mems: Return the states the next segment may read.
    """

    attention_mask: Tensor | None = None
    cache: Cache | None = None
    mems: Mems | None = None
    context: Tensor | None = None
    context_mask: Tensor | None = None
    lead: int = 0
    use_cache: bool = False
    output_attentions: bool = False
    output_hidden_states: bool = False
    return_mems: bool = False


@dataclass
class StackOutput:
    """What the stack gives back; lists are empty unless asked for.

    Args:
        hidden: The last hidden state, normed, (b, n, d).
        cache: Keys and values of all tokens so far.
        mems: States for the next segment.
        hidden_states: The stream before each block, then the last hidden state, each (b, n, d).
        attentions: Weights of each self attention layer, (b, h, n, m).
        cross_attentions: Weights of each cross attention layer, (b, h, n, m).
    """

    hidden: Tensor
    cache: Cache | None = None
    mems: Mems | None = None
    hidden_states: list[Tensor] = field(default_factory=list)
    attentions: list[Tensor] = field(default_factory=list)
    cross_attentions: list[Tensor] = field(default_factory=list)


class Stack(nn.Layer):
    """Layers in their order of execution, with what they share: positions, masks, residual streams, final norm.

    Args:
        options: Everything it is built from.
    """

    def __init__(self, options: StackOptions) -> None:
        super().__init__()
        self.options = options
        position, attention = options.position, options.attention
        self.rotary = Rotary(attention.attn_dim_head, position) if position.rotary_pos_emb else None
        self.position_bias = make_position_bias(position, attention, causal=options.causal)
        self.residuals = make_residuals(options.model, options.residual)
        self.layers = nn.LayerList(
            [
                Layer(options, layer, index, self.residuals, self.rotary)
                for index, layer in enumerate(options.layers)
            ]
        )
        final = options.norm.final_norm
        if final is None:
            final = options.norm.norm_placement in ("pre", "sandwich")
        self.final_norm = make_norm(options.dim, options.norm) if final else None
        self.self_attention = tuple(
            options.layers[index].kind == "a" for index in options.order if options.layers[index].kind != "f"
        )
        self.enable_recompute = False

    def forward(self, x: Tensor, tokens: Tensor, call: StackCall) -> StackOutput:
        """Run the layers.

        Args:
            x: Memory tokens (`call.lead` of them) and embedded new tokens, (b, n, d).
            tokens: Positions of the new tokens, (b or 1, n - lead).
            call: What is asked.
        """
        places, calls = self._calls(x, tokens, call)
        mems = mem_for_layers(call.mems, sum(self.self_attention), self.options.memory)
        pairs = list(call.cache[1:]) if call.cache is not None else [None] * len(self.self_attention)
        output = StackOutput(x)
        new_pairs, reads, first_values = [], [], {}
        streams = self.residuals.expand(x)
        for step, index in enumerate(self.options.order):
            layer = self.layers[index]
            if call.output_hidden_states and step % self.options.block_length == 0:
                output.hidden_states.append(self.residuals.collapse(streams))
            past = pairs.pop(0) if layer.kind != "f" else None
            mem = mems.pop(0) if layer.kind == "a" else None
            if self.training and not call.use_cache and random.random() < layer.drop_rate:
                if layer.kind == "a":
                    reads.append(layer.connection.read(streams)[0])
                continue
            result = self._run(
                layer,
                streams,
                calls.get(layer.kind),
                context=call.context if layer.kind == "c" else None,
                mem=mem,
                past=past,
                first_values=first_values.get(layer.kind),
            )
            streams = result.streams
            if result.attention is not None:
                first_values.setdefault(layer.kind, result.attention.values)
                new_pairs.append(result.attention.pair)
                if layer.kind == "a":
                    reads.append(result.read)
                weights = output.attentions if layer.kind == "a" else output.cross_attentions
                weights.append(result.attention.weights)
        output.hidden = self.residuals.collapse(streams)
        if self.final_norm is not None:
            output.hidden = self.final_norm(output.hidden)
        return self._collect(output, call, places, new_pairs, reads)

    def _run(self, layer: Layer, streams: Tensor, call: AttentionCall | None, **kwargs) -> LayerResult:
        if not (self.enable_recompute and self.training and not streams.stop_gradient):
            return layer(streams, call, **kwargs)
        from paddle.distributed.fleet.utils import recompute

        return recompute(layer, streams, call, use_reentrant=False, **kwargs)

    def _calls(self, x: Tensor, tokens: Tensor, call: StackCall) -> tuple[Places, dict[str, AttentionCall]]:
        """Masks and positions, computed once for all layers of a kind."""
        n = x.shape[1]
        room = room_left(call.cache, n, self.self_attention)
        if room < 0:
            raise InputError(
                f"{n} new tokens do not fit into the {n + room} spare places of this reserved cache; "
                "pass at most as many, or call reserve again"
            )
        places = make_places(
            tokens,
            cache=call.cache,
            lead=call.lead,
            mem_valid=None if call.mems is None else call.mems[0],
            room=room,
            mask_covers_padding=call.attention_mask is not None,
        )
        mask = make_mask(
            call.attention_mask,
            n=n,
            m=places.keys.shape[1] - room,
            causal=self.options.causal,
            key_valid=places.valid,
            lead_rows=call.lead,
            room=room,
            dtype=x.dtype,
        )
        q_angles = k_angles = None
        if self.rotary is not None:
            shape = {"batch": x.shape[0], "heads": self.options.attention.heads, "dtype": x.dtype}
            q_angles = k_angles = self.rotary.angles(places.queries, **shape)
            if places.new is not places.queries:
                k_angles = self.rotary.angles(places.new, **shape)
        if self.position_bias is not None:
            mask = _with_bias(mask, self.position_bias(places.queries, places.keys).astype(x.dtype))
        shared = {
            "past_length": cache_length(call.cache),
            "output_attentions": call.output_attentions,
            "use_cache": call.use_cache,
        }
        calls = {"a": AttentionCall(mask, q_angles, k_angles, **shared)}
        if self.options.has_cross_attention:
            calls["c"] = AttentionCall(self._context_mask(call, n, x.dtype), **shared)
        return places, calls

    def _context_mask(self, call: StackCall, n: int, dtype) -> Mask:
        if call.context is None and call.cache is None:
            raise InputError(
                "this model has cross attention (cross_attend=True) but got no encoder_hidden_states; "
                "pass the hidden states of an encoder, (batch, length, cross_attn_dim_context)"
            )
        m = (
            call.context.shape[1]
            if call.context is not None
            else _context_length(call.cache, self.self_attention)
        )
        return make_mask(call.context_mask, n=n, m=m, causal=False, lead_rows=call.lead, dtype=dtype)

    def _collect(
        self, output: StackOutput, call: StackCall, places: Places, pairs: list, reads: list[Tensor]
    ) -> StackOutput:
        """Turn what the layers gave back into what was asked for."""
        if call.use_cache:
            b = output.hidden.shape[0]
            keys = places.keys[
                :, : places.keys.shape[1] - room_left(call.cache, output.hidden.shape[1], self.self_attention)
            ]
            output.cache = ((keys if keys.shape[0] == b else keys.expand([b, -1]),), *pairs)
        if call.output_hidden_states:
            output.hidden_states.append(output.hidden)
        if call.return_mems:
            valid = (places.queries > PADDING).expand([output.hidden.shape[0], -1])
            output.mems = next_mems(call.mems, reads, valid, self.options.memory.max_mem_len)
        if not call.output_attentions:
            output.attentions, output.cross_attentions = [], []
        return output


def _with_bias(mask: Mask, bias: Tensor) -> Mask:
    """Add a position bias, (b or 1, h, n, m), to a mask."""
    total = bias if mask.bias is None else mask.bias + bias
    return dataclasses.replace(mask, bias=total, simple=False)


def _context_length(cache: Cache, self_attention: tuple[bool, ...]) -> int:
    return cache[1 + self_attention.index(False)][0].shape[2]
