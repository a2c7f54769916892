"""One layer of the stack: read from the residual stream, norm, shift, branch, norm, write back, norm."""

from __future__ import annotations

from dataclasses import dataclass

import paddle
from paddle import Tensor, nn

from ..config import LayerOptions, StackOptions
from ..config.options import AttentionOptions, FeedForwardOptions
from ..errors import ConfigError
from .attention.attention import Attention
from .attention.cache import Keeps, State
from .attention.call import AttentionCall, AttentionResult, Handed
from .attention.parts import Site
from .condition import AdaptiveLayerScale
from .feedforward import make_feedforward
from .layer_scale import LayerScale
from .linear import Linear
from .norms import make_norm
from .positions import Rotary
from .residuals import ResidualScheme
from .shift import Line, TokenShift


@dataclass(frozen=True)
class LayerResult:
    """What a layer gives back.

    Args:
        kind: Kind of the layer.
        streams: The residual stream(s) after the layer.
        attention: What its attention gave back, or None for a feed-forward layer.
        read: What the branch read from the streams, before the norm, (b, n, d).
        state: What it keeps for the cache.
    """

    kind: str
    streams: Tensor
    attention: AttentionResult | None
    read: Tensor
    state: State = ()


class Layer(nn.Layer):
    """A self attention, cross attention or feed-forward layer with its norms and its residual connection.

    The branch is called `attn`, `cross_attn` or `ff`; its parameters keep their names whatever else is on.

    Args:
        stack: Options of the whole stack.
        options: Options of this layer.
        index: Its index among the built layers.
        residuals: The stack's residual scheme.
        rotary: The stack's rotary positions, or None.
    """

    def __init__(
        self,
        stack: StackOptions,
        options: LayerOptions,
        index: int,
        residuals: ResidualScheme,
        rotary: Rotary | None,
    ) -> None:
        super().__init__()
        self.kind = options.kind
        self.drop_rate = options.drop_rate
        self.branch_scale = options.branch_scale
        placement = stack.norm.norm_placement
        if placement == "attn_branch":
            placement = "pre" if options.kind == "f" else "branch"
        self.pre_norm = make_norm(stack.dim, stack.norm) if placement not in ("post", "branch") else None
        self.branch_norm = make_norm(stack.dim, stack.norm) if placement in ("sandwich", "branch") else None
        self.post_norm = make_norm(stack.dim, stack.norm) if placement in ("post", "pre_and_post") else None
        self.connection = residuals.connection(index)
        self.layer_scale: LayerScale | AdaptiveLayerScale | None = None
        if stack.residual.use_layerscale:
            self.layer_scale = LayerScale(stack.dim, stack.residual.layerscale_init_value)
        if stack.residual.use_adaptive_layerscale:
            width, start = stack.norm.condition_width(stack.dim), stack.residual.adaptive_layerscale_init_bias
            self.layer_scale = AdaptiveLayerScale(stack.dim, width, start)
        self.shift = TokenShift(stack.dim, options.shift, causal=stack.causal) if options.shift else None
        branch = options.branch
        if isinstance(branch, FeedForwardOptions):
            self.ff = make_feedforward(stack.dim, branch)
        elif options.kind == "a":
            self.attn = _attention(stack, options, branch, rotary)
        else:
            self.cross_attn = _attention(stack, options, branch, None)
        self.of_branch = 0 if options.kind == "f" else self._attention().leaves  # tensors of its branch in the cache
        self.keeps = Keeps(options.kind, self.of_branch + bool(options.shift and stack.causal))
        if stack.residual.depth_scale_residual:
            last = self._last_linear()
            last.start_from((2 * last.weight.shape[0] * (options.block + 1)) ** -0.5)

    def _last_linear(self) -> Linear:
        """The linear that the branch ends with."""
        if self.kind == "f":
            last = getattr(self.ff, "down_proj", None)
            if not isinstance(last, Linear):
                raise ConfigError(
                    "depth_scale_residual=True draws the last linear of every branch anew, and the layer that ff_layer "
                    "names has none called down_proj; call it so, or leave depth_scale_residual out"
                )
            return last
        return self._attention().o_proj

    def _attention(self) -> Attention:
        """The attention of this layer, which is no feed-forward layer."""
        return self.attn if self.kind == "a" else self.cross_attn

    def forward(
        self,
        streams: Tensor,
        call: AttentionCall | None = None,
        *,
        line: Line | None = None,
        context: Tensor | None = None,
        mem: Tensor | None = None,
        past: State = (),
        handed: Handed | None = None,
        condition: Tensor | None = None,
    ) -> LayerResult:
        """Run the layer.

        Args:
            streams: The residual stream(s).
            call: What this forward hands to attention layers of this kind; None for a feed-forward layer.
            line: How the tokens line up for token shift; None: there is no padding among them.
            context: What cross attention looks at, (b, m, c).
            mem: What this layer read in the segment before, (b, m, d).
            past: What this layer kept, or nothing.
            handed: What the attention layers of this kind before it handed on.
            condition: What adaptive norms and scales depend on, (b, 1 or n, w).
        """
        read, seen = self.connection.read(streams)  # (b, n, d)
        x = read if self.pre_norm is None else self.pre_norm(read, condition)
        kept: State = ()
        if self.shift is not None:
            x, kept = self.shift(x, line, past[self.of_branch :])
        result = None
        if call is not None:
            result = self._attend(x, call, context, self._normed(mem, condition), past[: self.of_branch], handed)
        output = self.ff(x) if result is None else result.output
        if self.layer_scale is not None:
            output = self.layer_scale(output, condition)
        if self.branch_scale != 1.0:
            output = output * self.branch_scale
        if self.branch_norm is not None:
            output = self.branch_norm(output, condition)
        streams = self.connection.write(streams, output, seen)
        if self.post_norm is not None:
            streams = self.post_norm(streams, condition)
        state = (*(result.state if result else ()), *kept)
        return LayerResult(self.kind, streams, result, read, state)

    def _attend(
        self,
        x: Tensor,
        call: AttentionCall,
        context: Tensor | None,
        mem: Tensor | None,
        past: State,
        handed: Handed | None,
    ) -> AttentionResult:
        source = context
        if self.kind == "a":  # mems stand in front of the keys' input
            source = None if mem is None else paddle.concat([mem, x], axis=1)  # (b, m, d)
        result: AttentionResult = self._attention()(x, call, source=source, past=past, handed=handed)
        return result

    def _normed(self, mem: Tensor | None, condition: Tensor | None) -> Tensor | None:
        """Mems go through the layer's own norm."""
        return mem if mem is None or self.pre_norm is None else self.pre_norm(mem, condition)


def _attention(
    stack: StackOptions, options: LayerOptions, branch: AttentionOptions, rotary: Rotary | None
) -> Attention:
    site = Site(
        stack.dim,
        options.context_dim or stack.dim,
        branch,
        kind=options.kind,
        first=options.ordinal == 0,
        memory_tokens=stack.memory.num_memory_tokens,
        upstream_compat=stack.model.upstream_compat,
    )
    return Attention(site, rotary)
