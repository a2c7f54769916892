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
        self.layer_scale = None
        if stack.residual.use_layerscale:
            self.layer_scale = LayerScale(stack.dim, stack.residual.layerscale_init_value)
        self.shift = TokenShift(stack.dim, options.shift, causal=stack.causal) if options.shift else None
        branch = options.branch
        if isinstance(branch, FeedForwardOptions):
            self.ff = make_feedforward(stack.dim, branch)
        elif options.kind == "a":
            self.attn = _attention(stack, options, branch, rotary)
        else:
            self.cross_attn = _attention(stack, options, branch, None)
        self.growing = 0  # tensors of its branch in the cache
        if options.kind != "f":
            self.growing = 2 + len((self.attn if options.kind == "a" else self.cross_attn).remembers)
        self.keeps = Keeps(options.kind, self.growing + bool(options.shift and stack.causal), self.growing)
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
        return self.attn.o_proj if self.kind == "a" else self.cross_attn.o_proj

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
        """
        read, seen = self.connection.read(streams)  # (b, n, d)
        x = read if self.pre_norm is None else self.pre_norm(read)
        kept: State = ()
        if self.shift is not None:
            x, kept = self.shift(x, line, past[self.growing :])
        pair = past[: self.growing] or None
        result = None if call is None else self._attend(x, call, context, mem, pair, handed)
        output = self.ff(x) if result is None else result.output
        if self.layer_scale is not None:
            output = self.layer_scale(output)
        if self.branch_scale != 1.0:
            output = output * self.branch_scale
        if self.branch_norm is not None:
            output = self.branch_norm(output)
        streams = self.connection.write(streams, output, seen)
        if self.post_norm is not None:
            streams = self.post_norm(streams)
        state = (*(result.pair if result and result.pair else ()), *kept)
        return LayerResult(self.kind, streams, result, read, state)

    def _attend(
        self,
        x: Tensor,
        call: AttentionCall,
        context: Tensor | None,
        mem: Tensor | None,
        past: State | None,
        handed: Handed | None,
    ) -> AttentionResult:
        attention = self.attn if self.kind == "a" else self.cross_attn
        source = self._with_mem(x, mem) if self.kind == "a" else context
        result: AttentionResult = attention(x, call, source=source, past=past, handed=handed)
        return result

    def _with_mem(self, x: Tensor, mem: Tensor | None) -> Tensor | None:
        """Mems go through the layer's own norm and stand in front of the keys' input."""
        if mem is None:
            return None
        normed = mem if self.pre_norm is None else self.pre_norm(mem)
        return paddle.concat([normed, x], axis=1)  # (b, m, d)


def _attention(
    stack: StackOptions, options: LayerOptions, branch: AttentionOptions, rotary: Rotary | None
) -> Attention:
    site = Site(
        stack.dim,
        options.context_dim or stack.dim,
        branch,
        kind=options.kind,
        first=options.ordinal == 0,
        upstream_compat=stack.model.upstream_compat,
        position=stack.position,
        causal=not stack.looks_ahead,
    )
    return Attention(site, rotary)
