"""One layer of the stack: read from the residual stream, norm, shift, branch, norm, write back, norm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

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
from .lookback import Site as DepthSite
from .lookback import Trace, make_lookbacks
from .norms import make_norm
from .positions import Turning
from .records import LayerRecord
from .residuals import ResidualScheme, Views
from .shift import Line, TokenShift


@dataclass(frozen=True)
class LayerResult:
    """What a layer gives back.

    Args:
        kind: Kind of the layer.
        streams: The residual stream(s) after the layer.
        attention: What its attention gave back, or None for a feed-forward layer.
        trace: What came to the layer, and what its branch read from it.
        state: What it keeps for the cache.
    """

    kind: str
    streams: Tensor
    attention: AttentionResult | None
    trace: Trace
    state: State = ()

    def record(self) -> LayerRecord:
        """What the layer read and scored, for those who ask."""
        seen = self.attention
        if seen is None:
            return LayerRecord(self.kind, self.trace.read)
        return LayerRecord(self.kind, self.trace.read, seen.scores, seen.weights, seen.own_values)


class Layer(nn.Layer):
    """A self attention, cross attention or feed-forward layer with its norms and its residual connection.

    The branch is called `attn`, `cross_attn` or `ff`; its parameters keep their names whatever else is on.

    Args:
        stack: Options of the whole stack.
        options: Options of this layer.
        index: Its index among the built layers.
        residuals: The stack's residual scheme.
        turning: What turns queries and keys by their positions, or None.
    """

    def __init__(
        self,
        stack: StackOptions,
        options: LayerOptions,
        index: int,
        residuals: ResidualScheme,
        turning: Turning | None,
    ) -> None:
        super().__init__()
        self.kind = options.kind
        self.ordinal = options.ordinal
        self.index = index
        self.drop_rate = options.drop_rate
        self.branch_scale = options.branch_scale
        placement = stack.norm.norm_placement
        if placement == "attn_branch":
            placement = "pre" if options.kind == "f" else "branch"
        norms_itself = stack.residual.residual == "gated_multi"  # what it reads is normed already
        pre = placement not in ("post", "resi_dual", "branch") and not norms_itself
        post = placement in ("post", "resi_dual", "pre_and_post") or (norms_itself and stack.model.upstream_compat)
        self.pre_norm = make_norm(stack.dim, stack.norm) if pre else None
        self.branch_norm = make_norm(stack.dim, stack.norm) if placement in ("sandwich", "branch") else None
        self.post_norm = make_norm(stack.dim, stack.norm) if post else None
        mixes = stack.residual.looks_back  # then it is the mixtures that differ, and there is one reading
        views = {} if mixes or options.views == 1 else {"views": options.views}
        self.connection = residuals.connection(index, **views)
        site = DepthSite(stack.dim, stack.residual, index, options.views, options.opens, options.skip_from)
        lookbacks = make_lookbacks(site)
        for name, part in lookbacks.items():
            self.add_sublayer(name, part)
        self.lookbacks = list(lookbacks.values())
        self.layer_scale: LayerScale | AdaptiveLayerScale | None = None
        if stack.residual.use_layerscale:
            self.layer_scale = LayerScale(stack.dim, stack.residual.layerscale_init_value, offset=stack.norm.offset)
        if stack.residual.use_adaptive_layerscale:
            width, start = stack.norm.condition_width(stack.dim), stack.residual.adaptive_layerscale_init_bias
            self.layer_scale = AdaptiveLayerScale(stack.dim, width, start)
        self.shift = TokenShift(stack.dim, options.shift, causal=stack.causal) if options.shift else None
        branch = options.branch
        if isinstance(branch, FeedForwardOptions):
            self.ff = make_feedforward(stack.dim, branch)
        elif options.kind == "a":
            self.attn = _attention(stack, options, branch, turning)
        else:
            across = turning if stack.position.cross_attn_rotary_pos_emb else None
            self.cross_attn = _attention(stack, options, branch, across)
        self.of_branch = 0 if options.kind == "f" else self._attention().leaves  # tensors of its branch in the cache
        self.shift_states = options.views if options.shift and stack.causal else 0
        self.keeps = Keeps(options.kind, self.of_branch + self.shift_states + self.connection.keeps)
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
        earlier: tuple[Trace, ...] = (),
        added: Tensor | None = None,
        condition: Tensor | None = None,
        deep_embed: Tensor | None = None,
    ) -> LayerResult:
        """Run the layer.

        Args:
            streams: The residual stream(s).
            call: What this forward hands to attention layers of this kind; None for a feed-forward layer.
            line: How the tokens line up; None: there is no padding among them, or the layer does not look along them.
            context: What cross attention looks at, (b, m, c).
            mem: What this layer read in the segment before, (b, m, d).
            past: What this layer kept, or nothing.
            handed: What the attention layers of this kind before it handed on.
            earlier: What the steps before it left, if the stack looks back.
            added: What is added to the input of the branch, (b, n, d), or None.
            condition: What adaptive norms and scales depend on, (b, 1 or n, w).
            deep_embed: Factors of the output of a feed-forward layer, (b, n, d), or None.
        """
        streams, views, seen, trace = self._read(streams, earlier)
        if added is not None:
            views = tuple(view + added for view in views)
        if self.pre_norm is not None:
            views = tuple(self.pre_norm(view, condition) for view in views)
        of_branch, moved, along = self._parts_of(past)
        kept: State = ()
        if self.shift is not None:
            views, kept = self._shifted(self.shift, views, line, moved)
        result = None
        if call is not None:
            result = self._attend(views, call, context, self._normed(mem, condition), of_branch, handed)
        output = self.ff(views[0]) if result is None else result.output
        if deep_embed is not None:
            output = output * deep_embed.astype(output.dtype)
        if self.layer_scale is not None:
            output = self.layer_scale(output, condition)
        if self.branch_scale != 1.0:
            output = output * self.branch_scale
        if self.branch_norm is not None:
            output = self.branch_norm(output, condition)
        streams, sums = self.connection.write_along(streams, output, seen, line, along)
        if self.post_norm is not None:
            streams = self.connection.normed(streams, self.post_norm, condition)
        state = (*(result.state if result else ()), *kept, *sums)
        return LayerResult(self.kind, streams, result, trace, state)

    def passed_over(self, streams: Tensor, earlier: tuple[Trace, ...] = ()) -> LayerResult:
        """Leave the branch out, as stochastic depth wants it; what lies on the streams' own way stays."""
        streams, _, _, trace = self._read(streams, earlier)
        return LayerResult(self.kind, streams, None, trace)

    def _read(self, streams: Tensor, earlier: tuple[Trace, ...]) -> tuple[Tensor, Views, Any, Trace]:
        """The streams, what the branch reads from them, what the connection saw, and what is left for later layers."""
        entered = streams
        for part in self.lookbacks:
            streams = part.streams(streams, earlier)
        read, seen = self.connection.read(streams)
        views = read if isinstance(read, tuple) else (read,)
        trace = Trace(self.index, entered, views[0])
        for part in self.lookbacks:
            views = part.views(views, earlier)
        return streams, views, seen, trace

    def _parts_of(self, past: State) -> tuple[State, State, State]:
        """What the branch, token shift and the connection kept."""
        middle, end = self.of_branch, self.of_branch + self.shift_states
        return past[:middle], past[middle:end], past[end:]

    @staticmethod
    def _shifted(shift: TokenShift, views: Views, line: Line | None, before: State) -> tuple[Views, State]:
        """Shift each view by itself."""
        pairs = [shift(view, line, before[at : at + 1]) for at, view in enumerate(views)]
        return tuple(view for view, _ in pairs), tuple(state for _, kept in pairs for state in kept)

    def _attend(
        self,
        views: Views,
        call: AttentionCall,
        context: Tensor | None,
        mem: Tensor | None,
        past: State,
        handed: Handed | None,
    ) -> AttentionResult:
        if self.kind == "c":
            crossed: AttentionResult = self.cross_attn(views[0], call, source=context, past=past, handed=handed)
            return crossed
        sources: tuple[Tensor, ...] = views[1:]  # those of keys and of values, where they differ from the queries'
        if mem is not None:  # mems stand in front
            sources = tuple(paddle.concat([mem, view], axis=1) for view in sources or views)  # (b, m, d)
        source, values = sources[0] if sources else None, sources[1] if len(sources) > 1 else None
        result: AttentionResult = self.attn(
            views[0], call, source=source, value_source=values, past=past, handed=handed
        )
        return result

    def _normed(self, mem: Tensor | None, condition: Tensor | None) -> Tensor | None:
        """Mems go through the layer's own norm."""
        return mem if mem is None or self.pre_norm is None else self.pre_norm(mem, condition)


def _attention(
    stack: StackOptions, options: LayerOptions, branch: AttentionOptions, turning: Turning | None
) -> Attention:
    site = Site(
        stack.dim,
        options.context_dim or stack.dim,
        branch,
        kind=options.kind,
        first=options.ordinal == 0,
        causal=stack.causal,
        upstream_compat=stack.model.upstream_compat,
        position=stack.position,
        looks_ahead=stack.looks_ahead,
    )
    return Attention(site, turning)
