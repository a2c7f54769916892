"""The loop over layers."""

from __future__ import annotations

import random
from typing import Any

from paddle import Tensor, nn

from ..config import StackOptions
from .attention.cache import Steps, states
from .attention.call import AttentionCall, Handed
from .calls import StackCall, StackOutput, share
from .collecting import collected
from .condition import Condition
from .deep_embeddings import with_ones_in_front
from .layer import Layer, LayerResult
from .lookback import Reinjection, Trace
from .memory import mem_for_steps
from .norms import make_norm
from .order import order_asked_for, transformed
from .positions import Sinusoid, make_position_bias, make_turning
from .residuals import make_residuals
from .softclamp import softclamp


class Stack(nn.Layer):
    """Layers in their order of execution, with what they share: positions, masks, residual streams, final norm.

    Args:
        options: Everything it is built from.
    """

    def __init__(self, options: StackOptions) -> None:
        super().__init__()
        self.options = options
        position, attention = options.position, options.attention
        kinds = ("a", "c") if position.cross_attn_rotary_pos_emb else ("a",)
        of_attention = [layer.branch for layer in options.layers if layer.kind in kinds]
        self.turning = make_turning(position, attention, of_attention)
        self.sinusoid = Sinusoid(options.dim) if position.position_infused_attn else None
        self.position_bias = make_position_bias(options)
        residual = options.residual
        self.residuals = make_residuals(options.model, residual, options.norm, causal=options.causal)
        self.reinjection = Reinjection(options.dim, residual)
        self.layers = nn.LayerList(
            [Layer(options, layer, index, self.residuals, self.turning) for index, layer in enumerate(options.layers)]
        )
        final = options.norm.final_norm
        if final is None:
            final = options.norm.norm_placement in ("pre", "sandwich", "attn_branch", "resi_dual")
        self.final_norm = make_norm(options.dim, options.norm) if final else None
        self.clamp = options.norm.softclamp_output_value if options.norm.softclamp_output else None
        self.condition = Condition(options.dim, options.norm) if options.needs_condition else None
        self.steps = tuple(self.layers[index].keeps for index in options.order)
        self.looks_back = any(layer.lookbacks for layer in self.layers)
        self.enable_recompute = False

    def forward(self, x: Tensor, tokens: Tensor, call: StackCall) -> StackOutput:
        """Run the layers.

        Args:
            x: Memory tokens (`call.lead` of them) and embedded new tokens, (b, n, d).
            tokens: Positions of the new tokens, (b or 1, n - lead).
            call: What is asked.
        """
        order, steps = self.order_of(call), self.steps_of(call)
        shared = share(x, tokens, call, self.options, steps, self.turning, self.position_bias, self.sinusoid)
        pasts, mems = states(call.cache, steps), mem_for_steps(call.mems, steps, self.options.memory)
        output = StackOutput(x)
        results: list[LayerResult] = []
        handed: dict[str, Handed] = {}
        condition, deep = None, with_ones_in_front(call.deep_embeds, x)
        if self.condition is not None and call.condition is not None:
            condition = self.condition(call.condition, x)  # (b, 1 or n, w)
        streams = self.residuals.expand(x)
        added = self.reinjection(x, call.in_attn_cond)
        earlier: tuple[Trace, ...] = ()
        for step, index in enumerate(order):
            layer = self.layers[index]
            if step % self.options.block_length == 0:
                streams = self._enter_block(step // self.options.block_length + 1, streams, call, output)
            if self._skips(layer, call):
                result = layer.passed_over(streams, earlier)
            else:
                result = self._run(
                    layer,
                    streams,
                    shared.call_of(layer.kind, step),
                    line=shared.line,
                    context=call.context if layer.kind == "c" else None,
                    mem=mems[step],
                    past=pasts[step],
                    handed=handed.get(layer.kind),
                    earlier=earlier,
                    added=added,
                    condition=condition,
                    deep_embed=deep[:, :, layer.ordinal] if deep is not None and layer.kind == "f" else None,
                )
            streams = result.streams
            earlier = (*earlier, result.trace) if self.looks_back else ()
            if result.attention is not None:
                handed[layer.kind] = result.attention.handed
            results.append(result)
        if self.clamp is not None:
            streams = softclamp(streams, self.clamp)
        output.hidden = self.residuals.finish(streams, self.final_norm, condition)
        return collected(output, call, shared, results, self.options.memory.max_mem_len)

    def order_of(self, call: StackCall) -> tuple[int, ...]:
        """Return the layers that run in a forward, in their order.

        Args:
            call: What is asked.

        Raises:
            InputError: If it asks for an order that the layers cannot run in.
        """
        usual = self.options.order
        if call.order is None and call.repeat_blocks is None:
            return usual
        return order_asked_for(call.order, call.repeat_blocks, usual, self.options.block_length, self.layers)

    def steps_of(self, call: StackCall) -> Steps:
        """Return what each step of a forward keeps in the cache.

        Args:
            call: What is asked.

        Raises:
            InputError: If it asks for an order that the layers cannot run in.
        """
        order = self.order_of(call)
        return self.steps if order == self.options.order else tuple(self.layers[index].keeps for index in order)

    def _enter_block(self, block: int, streams: Tensor, call: StackCall, output: StackOutput) -> Tensor:
        """Change the input of a block, counted from 1, if the caller wants it, and keep it, likewise."""
        if call.transform is not None:
            streams = transformed(call.transform, block, streams)
        if call.output_hidden_states:
            output.hidden_states.append(self.residuals.collapse(streams))
        return streams

    def _skips(self, layer: Layer, call: StackCall) -> bool:
        """Whether stochastic depth leaves a layer out of this training step."""
        return bool(self.training and layer.drop_rate and not call.use_cache and random.random() < layer.drop_rate)

    def _run(self, layer: Layer, streams: Tensor, call: AttentionCall | None, **kwargs: Any) -> LayerResult:
        result: LayerResult
        if self.enable_recompute and self.training and not streams.stop_gradient:
            from paddle.distributed.fleet.utils import recompute

            result = recompute(layer, streams, call, use_reentrant=False, **kwargs)
        else:
            result = layer(streams, call, **kwargs)
        return result
