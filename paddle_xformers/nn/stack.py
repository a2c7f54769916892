"""The loop over layers."""

from __future__ import annotations

import random
from typing import Any

from paddle import Tensor, nn

from ..config import StackOptions
from .attention.cache import PADDING, states
from .attention.call import AttentionCall, Handed
from .calls import Shared, StackCall, StackOutput, share
from .layer import Layer, LayerResult
from .memory import mem_for_steps, next_mems
from .norms import make_norm
from .positions import Sinusoid, make_position_bias, make_rotary
from .residuals import make_residuals
from .sizes import sizes
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
        self.rotary = make_rotary(position, attention, [layer.branch for layer in options.layers if layer.kind == "a"])
        self.sinusoid = Sinusoid(options.dim) if position.position_infused_attn else None
        self.position_bias = make_position_bias(options)
        self.residuals = make_residuals(options.model, options.residual)
        self.layers = nn.LayerList(
            [Layer(options, layer, index, self.residuals, self.rotary) for index, layer in enumerate(options.layers)]
        )
        final = options.norm.final_norm
        if final is None:
            final = options.norm.norm_placement in ("pre", "sandwich", "attn_branch")
        self.final_norm = make_norm(options.dim, options.norm) if final else None
        self.clamp = options.norm.softclamp_output_value if options.norm.softclamp_output else None
        self.steps = tuple(self.layers[index].keeps for index in options.order)
        self.enable_recompute = False

    def forward(self, x: Tensor, tokens: Tensor, call: StackCall) -> StackOutput:
        """Run the layers.

        Args:
            x: Memory tokens (`call.lead` of them) and embedded new tokens, (b, n, d).
            tokens: Positions of the new tokens, (b or 1, n - lead).
            call: What is asked.
        """
        shared = share(x, tokens, call, self.options, self.steps, self.rotary, self.position_bias, self.sinusoid)
        pasts, mems = states(call.cache, self.steps), mem_for_steps(call.mems, self.steps, self.options.memory)
        output = StackOutput(x)
        results: list[LayerResult] = []
        handed: dict[str, Handed] = {}
        streams = self.residuals.expand(x)
        for step, index in enumerate(self.options.order):
            layer = self.layers[index]
            if call.output_hidden_states and step % self.options.block_length == 0:
                output.hidden_states.append(self.residuals.collapse(streams))
            if self._skips(layer, call):
                results.append(LayerResult(layer.kind, streams, None, layer.connection.read(streams)[0]))
                continue
            result = self._run(
                layer,
                streams,
                shared.calls.get(layer.kind),
                line=shared.line,
                context=call.context if layer.kind == "c" else None,
                mem=mems[step],
                past=pasts[step],
                handed=handed.get(layer.kind),
            )
            streams = result.streams
            if result.attention is not None:
                handed[layer.kind] = result.attention.handed
            results.append(result)
        if self.clamp is not None:
            streams = softclamp(streams, self.clamp)
        output.hidden = self.residuals.collapse(streams)
        if self.final_norm is not None:
            output.hidden = self.final_norm(output.hidden)
        return self._collect(output, call, shared, results)

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

    def _collect(self, output: StackOutput, call: StackCall, shared: Shared, results: list[LayerResult]) -> StackOutput:
        """Turn what the layers gave back into what was asked for."""
        b = sizes(output.hidden)[0]
        if call.use_cache:
            keys = shared.places.keys
            keys = (keys[:, : keys.shape[1] - shared.room] if shared.room else keys).expand([b, -1])
            output.cache = ((keys,), *(result.state for result in results if result.state))
        if call.output_hidden_states:
            output.hidden_states.append(output.hidden)
        if call.output_attentions:
            attended = [(result.kind, result.attention.weights) for result in results if result.attention is not None]
            output.attentions = [weights for kind, weights in attended if kind == "a"]
            output.cross_attentions = [weights for kind, weights in attended if kind == "c"]
        if call.return_mems:
            valid = (shared.places.queries > PADDING).expand([b, -1])
            reads = [result.read for result in results if result.kind == "a"]
            output.mems = next_mems(call.mems, reads, valid, self.options.memory.max_mem_len)
        return output
